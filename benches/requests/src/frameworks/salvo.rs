//! salvo, bare and with our hoop.

use std::net::SocketAddr;

use salvo_core::{Router, Server, Writer as _, conn::tcp::TcpAcceptor, handler};
use sealed_session::{Session, adapters::salvo_1::SessionHoop, manager::SessionError};

use super::listen;
use crate::{
    Result,
    data::{self, Login},
    program::{Library, Program, Work},
};

pub async fn serve(program: &Program, address: SocketAddr) -> Result {
    let router = match program.work {
        Work::Bare | Work::Untouched => Router::new().get(bare),
        Work::Read => Router::new().get(read),
        Work::Written => Router::new().get(write),
    };
    let router = if program.library == Library::None {
        // The same routes in all programs.
        router
            .push(Router::with_path("login").get(bare))
            .push(Router::with_path("count").get(bare))
    } else {
        let manager = data::manager(program, None).await?;
        router
            .hoop(SessionHoop::new(manager))
            .push(Router::with_path("login").get(log_in))
            .push(Router::with_path("count").get(count))
    };
    let acceptor = TcpAcceptor::try_from(listen(address).await?)?;
    Ok(Server::new(acceptor).try_serve(router).await?)
}

#[handler]
async fn bare() -> String {
    data::ANSWER.to_owned()
}

#[handler]
async fn read(session: Session<Login>) -> Result<String, SessionError> {
    session.read(data::answer).await
}

#[handler]
async fn write(session: Session<Login>) -> Result<String, SessionError> {
    session.change(data::count_up).await
}

#[handler]
async fn log_in(session: Session<Login>) -> Result<(), SessionError> {
    let login = data::login();
    session.log_in(login.user_id.to_string()).await?;
    session.change(|it| *it = login).await
}

#[handler]
async fn count(session: Session<Login>) -> Result<String, SessionError> {
    session.read(|login| login.auth_time.to_string()).await
}
