//! axum, bare and with our layer.
//!
//! Layers stand around the whole router, which is what a service of every request needs:
//! `Router::layer` puts each route into a box of its own, whatever the layer does.

use core::convert::Infallible;
use std::net::SocketAddr;

use axum::{
    Router, ServiceExt as _,
    extract::Request,
    response::Response,
    routing::{MethodRouter, get},
};
use sealed_session::{Session, adapters::tower_0_3::SessionLayer, manager::SessionError};

use tower::{Layer, Service};

use super::{axum_private_cookie_jar, axum_tower_sessions, listen};
use crate::{
    Result,
    data::{self, Login},
    program::{Library, Program, Work},
};

pub async fn serve(program: &Program, address: SocketAddr, redis: Option<&str>) -> Result {
    match program.library {
        Library::None => run(address, routes(get(bare), get(bare), get(bare))).await,
        Library::PrivateCookieJar => run(address, axum_private_cookie_jar::router(program)).await,
        Library::TowerSessions | Library::TowerSessionsPrivate => {
            axum_tower_sessions::serve(program, address, redis).await
        }
        _ => {
            let measured = match program.work {
                Work::Bare | Work::Untouched => get(bare),
                Work::Read => get(read),
                Work::Written => get(write),
            };
            let layer = SessionLayer::new(data::manager(program, redis).await?);
            let router = routes(measured, get(log_in), get(count));
            run(address, layer.layer(router)).await
        }
    }
}

/// The routes of every program, also of the bare one.
fn routes(measured: MethodRouter, log_in: MethodRouter, count: MethodRouter) -> Router {
    Router::new()
        .route("/", measured)
        .route("/login", log_in)
        .route("/count", count)
}

/// Serves a router, or a layer around one.
pub async fn run<S>(address: SocketAddr, service: S) -> Result
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let service = service.into_make_service();
    Ok(axum::serve(listen(address).await?, service).await?)
}

pub async fn bare() -> String {
    data::ANSWER.to_owned()
}

async fn read(session: Session<Login>) -> Result<String, SessionError> {
    session.read(data::answer).await
}

async fn write(session: Session<Login>) -> Result<String, SessionError> {
    session.change(data::count_up).await
}

async fn log_in(session: Session<Login>) -> Result<(), SessionError> {
    let login = data::login();
    session.log_in(login.user_id.to_string()).await?;
    session.change(|it| *it = login).await
}

async fn count(session: Session<Login>) -> Result<String, SessionError> {
    session.read(|login| login.auth_time.to_string()).await
}
