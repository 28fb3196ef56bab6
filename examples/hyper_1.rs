//! The small shop on bare hyper, with `answer` for an adapter:
//! `cargo run --release --example hyper_1 --features example-hyper,store-memory`
#![allow(clippy::print_stdout, reason = "a program")]
use std::{collections::HashMap, convert::Infallible, env, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Collected, Limited};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::server::conn::http1;
use hyper::{Method, Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use sealed_session::{
    EncryptedCodec, Policy, Session, SessionData, SessionManager,
    keys::{Key, KeyRing},
    manager::SessionError,
    store::memory::MemoryStore,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Default, SessionData)]
struct Shop {
    user: Option<String>,
    cart: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    let keys = match env::var_os("SEALED_SESSION_KEY") {
        Some(_) => KeyRing::from_env("SEALED_SESSION_KEY")?,
        None => KeyRing::single(Key::generate()?)?, // a restart logs everybody out
    };
    let policy = Policy::new(Duration::from_mins(30), Duration::from_hours(24))?;
    let manager = SessionManager::builder(EncryptedCodec::builder("shop.example", keys, policy))
        .store(Arc::new(MemoryStore::new()))
        .build()?;

    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let manager = manager.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&manager, request));
            let http = http1::Builder::new();
            // What goes wrong with a connection concerns its client alone.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    manager: &SessionManager<Shop>,
    request: Request<Incoming>,
) -> Result<Response<String>, Infallible> {
    let session = manager.session_from(request.headers());
    let sorry = |error: SessionError| text(error.status(), error.client_message());
    let answered = shop(manager, &session, request).await;
    let mut response = answered.unwrap_or_else(sorry);
    let saved = manager.finish(session, response.status().as_u16()).await;
    let headers = saved.unwrap_or_else(|error| {
        response = sorry(error);
        manager.failure_headers()
    });
    headers.insert_into(response.headers_mut());
    Ok(response)
}

async fn shop(
    manager: &SessionManager<Shop>,
    session: &Session<Shop>,
    request: Request<Incoming>,
) -> Result<Response<String>, SessionError> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, 4096).collect().await;
    let body = body.map(Collected::to_bytes).unwrap_or_default();
    let form: HashMap<_, _> = form_urlencoded::parse(&body).into_owned().collect();
    let field = |name| form.get(name).cloned().unwrap_or_default();
    match (head.method, head.uri.path()) {
        (Method::GET, "/") => {
            let place = session.place().await?;
            let page = session.read(|shop| {
                let (user, count) = (shop.user.as_deref().unwrap_or("nobody"), shop.cart.len());
                format!("User: {user}. Cart: {count}. The session lives in: {place:?}.\n")
            });
            return Ok(text(200, &page.await?));
        }
        (Method::POST, "/login") => {
            let user = field("user");
            session.log_in(&user).await?; // a real shop asks for a password first
            session.change(|shop| shop.user = Some(user)).await?;
        }
        (Method::POST, "/add") => {
            let (item, count) = (field("item"), field("count").parse::<u16>().unwrap_or(1));
            let items = (0..count).map(|n| format!("{item} {n}"));
            session.change(|shop| shop.cart.extend(items)).await?;
        }
        (Method::POST, "/logout") => session.log_out().await?,
        (Method::POST, "/everywhere") => {
            if let Some(user) = session.read(|shop| shop.user.clone()).await? {
                manager.revoke_subject(user).await?;
            }
            session.log_out().await?;
        }
        _ => return Ok(text(404, "no such page")),
    }
    let mut response = text(303, "");
    response
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static("/"));
    Ok(response)
}

fn text(status: u16, body: &str) -> Response<String> {
    let plain = Response::builder().header(CONTENT_TYPE, "text/plain; charset=utf-8");
    let response = plain.status(status).body(body.to_owned());
    response.unwrap_or_default()
}
