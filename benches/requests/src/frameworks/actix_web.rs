//! actix-web, bare and with our middleware.

use std::net::{SocketAddr, TcpListener};

use ::actix_web::{App, HttpServer, rt::System, web};
use sealed_session::{Session, adapters::actix_web_4::SessionMiddleware, manager::SessionError};

use super::{actix_web_actix_session, announce};
use crate::{
    Result,
    data::{self, Login},
    program::{Library, Program, Work},
};

pub fn serve(program: &Program, address: SocketAddr) -> Result {
    let listener = TcpListener::bind(address)?;
    announce(listener.local_addr()?);
    System::new().block_on(async {
        match program.library {
            Library::None => bare(listener).await,
            Library::ActixSession => actix_web_actix_session::serve(program.work, listener).await,
            _ => ours(program, listener).await,
        }
    })
}

async fn bare(listener: TcpListener) -> Result {
    let server = HttpServer::new(|| {
        // The same routes in all programs.
        App::new()
            .route("/", web::get().to(untouched))
            .route("/login", web::get().to(untouched))
            .route("/count", web::get().to(untouched))
    });
    Ok(server.workers(1).listen(listener)?.run().await?)
}

async fn ours(program: &Program, listener: TcpListener) -> Result {
    let manager = data::manager(program, None).await?;
    let work = program.work;
    let server = HttpServer::new(move || {
        let measured = match work {
            Work::Bare | Work::Untouched => web::get().to(untouched),
            Work::Read => web::get().to(read),
            Work::Written => web::get().to(write),
        };
        App::new()
            .wrap(SessionMiddleware::new(manager.clone()))
            .route("/", measured)
            .route("/login", web::get().to(log_in))
            .route("/count", web::get().to(count))
    });
    Ok(server.workers(1).listen(listener)?.run().await?)
}

pub async fn untouched() -> String {
    data::ANSWER.to_owned()
}

async fn read(session: Session<Login>) -> Result<String, SessionError> {
    session.read(data::answer).await
}

async fn write(session: Session<Login>) -> Result<String, SessionError> {
    session.change(data::count_up).await
}

async fn log_in(session: Session<Login>) -> Result<String, SessionError> {
    let login = data::login();
    session.log_in(login.user_id.to_string()).await?;
    session.change(|it| *it = login).await?;
    Ok(String::new())
}

async fn count(session: Session<Login>) -> Result<String, SessionError> {
    session.read(|login| login.auth_time.to_string()).await
}
