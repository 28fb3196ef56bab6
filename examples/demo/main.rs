//! A page on which one can watch a session: where it lives, what its cookie is made of, and
//! what the server makes of one that is old, altered, replayed or revoked.
//!
//! `cargo run --example demo --features example-axum,store-memory`, and open what it prints.
//!
//! It shows reasons and cookie values, which no real application shows to anybody, and it
//! lets its visitor stop its store and move its clock: keep it on your own machine. There,
//! Chromium keeps `__Host-` cookies over plain http; for a browser that does not, put TLS in
//! front of it.

mod actions;
mod anatomy;
mod clock;
mod edge;
mod sorry;
mod store;
mod verdict;
mod view;
mod wire;
mod world;

use std::io::Write as _;

use axum::{
    Router,
    http::{HeaderName, header::CONTENT_TYPE},
    middleware,
    response::Html,
    routing::{get, post},
};
use sealed_session::{Session, adapters::tower_0_3::SessionLayer};

use crate::world::{Demo, Visit};

#[tokio::main]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    writeln!(std::io::stdout(), "Listening on {url}")?;
    axum::serve(listener, app(Demo::new()?)).await?;
    Ok(())
}

fn app(demo: Demo) -> Router {
    // Two sessions with different names: the second has no store and shows the limit.
    let edge = Router::new()
        .route("/api/edge", get(edge::show).post(edge::fill))
        .layer(SessionLayer::new(demo.edge.clone()).on_error(sorry::answer));
    Router::new()
        .route("/", get(page))
        .route("/api/state", get(view::show))
        .route("/api/payload", post(actions::payload))
        .route("/api/login", post(actions::log_in))
        .route("/api/logout", post(actions::log_out))
        .route("/api/everywhere", post(actions::log_out_everywhere))
        .route("/api/plant", post(actions::plant))
        .route("/api/rotate", post(actions::rotate))
        .route("/api/clock", post(actions::let_time_pass))
        .route("/api/store", post(actions::switch_store))
        .layer(SessionLayer::new(demo.manager.clone()).on_error(sorry::answer))
        .merge(edge)
        .route(
            "/style.css",
            get(asset("text/css; charset=utf-8", include_str!("style.css"))),
        )
        .route(
            "/script.js",
            get(asset(
                "text/javascript; charset=utf-8",
                include_str!("script.js"),
            )),
        )
        .route(
            "/icon.svg",
            get(asset(
                "image/svg+xml; charset=utf-8",
                include_str!("icon.svg"),
            )),
        )
        .layer(middleware::from_fn_with_state(demo.clone(), wire::measure))
        .with_state(demo)
}

/// The page looks at the session, so that going to it keeps the session alive; that the
/// store is down is for the page to show.
async fn page(session: Session<Visit>) -> Html<&'static str> {
    let _ = session.presented().await;
    Html(include_str!("page.html"))
}

/// A file of the page, as a handler that always answers with it.
fn asset(
    kind: &'static str,
    text: &'static str,
) -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, kind)], text)
}
