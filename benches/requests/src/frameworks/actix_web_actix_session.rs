//! actix-session with its cookie store: it decrypts and parses the session of every request,
//! and keeps each value as JSON within JSON.

use std::net::TcpListener;

use actix_session::{
    Session, SessionMiddleware, config::BrowserSession, storage::CookieSessionStore,
};
use actix_web::{
    App, HttpServer,
    cookie::{Key, time::Duration},
    error::ErrorInternalServerError,
    web,
};

use super::actix_web::untouched;
use crate::{
    Result,
    data::{self, Login},
    program::Work,
};

pub async fn serve(work: Work, listener: TcpListener) -> Result {
    let key = Key::generate();
    let idle = Duration::try_from(data::IDLE)?;
    let server = HttpServer::new(move || {
        let lifecycle = BrowserSession::default().state_ttl(idle);
        let middleware = SessionMiddleware::builder(CookieSessionStore::default(), key.clone())
            .cookie_name(data::COOKIE.to_owned())
            .session_lifecycle(lifecycle)
            .build();
        let measured = match work {
            Work::Bare | Work::Untouched => web::get().to(untouched),
            Work::Read => web::get().to(read),
            Work::Written => web::get().to(write),
        };
        App::new()
            .wrap(middleware)
            .route("/", measured)
            .route("/login", web::get().to(log_in))
            .route("/count", web::get().to(count))
    });
    Ok(server.workers(1).listen(listener)?.run().await?)
}

async fn read(session: Session) -> Answer {
    Ok(data::answer(&load(&session)?))
}

async fn write(session: Session) -> Answer {
    let mut login = load(&session)?;
    let answer = data::count_up(&mut login);
    session.insert(KEY, login)?;
    Ok(answer)
}

async fn log_in(session: Session) -> Answer {
    session.renew();
    session.insert(KEY, data::login())?;
    Ok(String::new())
}

async fn count(session: Session) -> Answer {
    Ok(load(&session)?.auth_time.to_string())
}

fn load(session: &Session) -> Result<Login, actix_web::Error> {
    let login = session.get(KEY).map_err(ErrorInternalServerError)?;
    Ok(login.unwrap_or_default())
}

type Answer = Result<String, actix_web::Error>;

const KEY: &str = "login";
