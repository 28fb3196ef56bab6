//! axum, bare and with our layer.

use std::net::SocketAddr;

use axum::{Router, routing::get};
use sealed_session::{Session, adapters::tower_0_3::SessionLayer, manager::SessionError};

use super::{axum_private_cookie_jar, axum_tower_sessions, listen};
use crate::{
    Result,
    data::{self, Login},
    program::{Library, Program, Work},
};

pub async fn serve(program: &Program, address: SocketAddr, redis: Option<&str>) -> Result {
    let router = match program.library {
        Library::None => Router::new().route("/", get(bare)),
        Library::PrivateCookieJar => axum_private_cookie_jar::router(program),
        Library::TowerSessions => axum_tower_sessions::router(program, redis).await?,
        _ => ours(program, redis).await?,
    };
    Ok(axum::serve(listen(address).await?, router).await?)
}

async fn ours(program: &Program, redis: Option<&str>) -> Result<Router> {
    let measured = match program.work {
        Work::Bare | Work::Untouched => get(bare),
        Work::Read => get(read),
        Work::Written => get(write),
    };
    let manager = data::manager(program, redis).await?;
    Ok(Router::new()
        .route("/", measured)
        .route("/login", get(log_in))
        .route("/count", get(count))
        .layer(SessionLayer::new(manager)))
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
