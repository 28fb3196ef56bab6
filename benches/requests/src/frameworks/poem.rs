//! poem, bare and with our middleware.

use std::net::SocketAddr;

use ::poem::{EndpointExt as _, Route, Server, get, handler, listener::TcpAcceptor};
use sealed_session::{Session, adapters::poem_3::SessionMiddleware, manager::SessionError};

use super::listen;
use crate::{
    Result,
    data::{self, Login},
    program::{Library, Program, Work},
};

pub async fn serve(program: &Program, address: SocketAddr) -> Result {
    let measured = match program.work {
        Work::Bare | Work::Untouched => get(bare),
        Work::Read => get(read),
        Work::Written => get(write),
    };
    let route = Route::new().at("/", measured);
    let acceptor = TcpAcceptor::from_tokio(listen(address).await?)?;
    let server = Server::new_with_acceptor(acceptor);
    if program.library == Library::None {
        // The same routes in all programs.
        let route = route.at("/login", get(bare)).at("/count", get(bare));
        return Ok(server.run(route).await?);
    }
    let manager = data::manager(program, None).await?;
    let route = route.at("/login", get(log_in)).at("/count", get(count));
    let endpoint = route.with(SessionMiddleware::new(manager));
    Ok(server.run(endpoint).await?)
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
