//! Rocket, bare and with our fairing. Rocket brings its own shield of headers and its own
//! timeouts, which are left as they are.

use std::net::SocketAddr;

use ::rocket::{Config, Orbit, Rocket, config::LogLevel, fairing::AdHoc, get, routes};
use sealed_session::{Session, adapters::rocket_0_5::SessionFairing, manager::SessionError};

use super::announce;
use crate::{
    Result,
    data::{self, Login},
    program::{Library, Program, Work},
};

pub async fn serve(program: &Program, address: SocketAddr) -> Result {
    let config = Config {
        address: address.ip(),
        port: address.port(),
        workers: 1,
        log_level: LogLevel::Off,
        ..Config::release_default()
    };
    let rocket = ::rocket::custom(config).attach(AdHoc::on_liftoff("address", |rocket| {
        Box::pin(async move { announce(local_address(rocket)) })
    }));
    let rocket = rocket.mount(
        "/",
        match program.work {
            Work::Bare | Work::Untouched => routes![bare],
            Work::Read => routes![read],
            Work::Written => routes![write],
        },
    );
    let rocket = if program.library == Library::None {
        // The same routes in all programs.
        rocket
            .mount("/login", routes![bare])
            .mount("/count", routes![bare])
    } else {
        let manager = data::manager(program, None).await?;
        let fairing = SessionFairing::new(manager);
        rocket.attach(fairing).mount("/", routes![log_in, count])
    };
    rocket.launch().await?;
    Ok(())
}

fn local_address(rocket: &Rocket<Orbit>) -> SocketAddr {
    let config = rocket.config();
    SocketAddr::from((config.address, config.port))
}

#[get("/")]
async fn bare() -> String {
    data::ANSWER.to_owned()
}

#[get("/")]
async fn read(session: Session<Login>) -> Result<String, SessionError> {
    session.read(data::answer).await
}

#[get("/")]
async fn write(session: Session<Login>) -> Result<String, SessionError> {
    session.change(data::count_up).await
}

#[get("/login")]
async fn log_in(session: Session<Login>) -> Result<(), SessionError> {
    let login = data::login();
    session.log_in(login.user_id.to_string()).await?;
    session.change(|it| *it = login).await
}

#[get("/count")]
async fn count(session: Session<Login>) -> Result<String, SessionError> {
    session.read(|login| login.auth_time.to_string()).await
}
