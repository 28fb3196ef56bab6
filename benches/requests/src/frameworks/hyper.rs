//! hyper, where the application calls the manager itself.

use core::convert::Infallible;
use std::net::SocketAddr;

use http::{Method, Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use sealed_session::{Session, SessionManager, manager::SessionError};

use super::listen;
use crate::{
    Result,
    data::{self, Login},
    program::{Program, Work},
};

pub async fn serve(program: &Program, address: SocketAddr) -> Result {
    let listener = listen(address).await?;
    let manager = data::manager(program, None).await?;
    let work = program.work;
    loop {
        let (stream, _) = listener.accept().await?;
        let manager = manager.clone();
        let service = service_fn(move |request| {
            let manager = manager.clone();
            async move {
                Ok::<_, Infallible>(match work {
                    Work::Bare => Response::new(data::ANSWER.to_owned()),
                    _ => with_session(&manager, &request, work).await,
                })
            }
        });
        let mut server = http1::Builder::new();
        let connection = server
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move { drop(connection.await) });
    }
}

async fn with_session(
    manager: &SessionManager<Login>,
    request: &Request<Incoming>,
    work: Work,
) -> Response<String> {
    let session = manager.session_from(request.headers());
    let body = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => respond(work, &session).await,
        (&Method::GET, "/login") => log_in(&session).await,
        (&Method::GET, "/count") => session.read(|login| login.auth_time.to_string()).await,
        _ => Ok(String::new()),
    };
    match save(manager, session, body).await {
        Ok(response) => response,
        Err(error) => {
            let mut response = Response::new(error.client_message().to_owned());
            *response.status_mut() = StatusCode::from_u16(error.status()).unwrap_or_default();
            response
        }
    }
}

async fn respond(work: Work, session: &Session<Login>) -> Result<String, SessionError> {
    match work {
        Work::Bare | Work::Untouched => Ok(data::ANSWER.to_owned()),
        Work::Read => session.read(data::answer).await,
        Work::Written => session.change(data::count_up).await,
    }
}

async fn log_in(session: &Session<Login>) -> Result<String, SessionError> {
    let login = data::login();
    session.log_in(login.user_id.to_string()).await?;
    session.change(|it| *it = login).await?;
    Ok(String::new())
}

async fn save(
    manager: &SessionManager<Login>,
    session: Session<Login>,
    body: Result<String, SessionError>,
) -> Result<Response<String>, SessionError> {
    let mut response = Response::new(body?);
    let headers = manager.finish(session, 200).await?;
    headers.insert_into(response.headers_mut());
    Ok(response)
}
