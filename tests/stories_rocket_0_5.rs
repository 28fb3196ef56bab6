//! The HTTP stories, told by Rocket 0.5.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

mod stories;

use core::pin::Pin;
use std::net::{Ipv4Addr, SocketAddr};

use rocket::{
    Build, Config, Request, Response, Rocket, State,
    config::LogLevel,
    data::{IoHandler, IoStream},
    fairing::AdHoc,
    get,
    http::Status,
    post,
    response::{self, Redirect, Responder, stream::TextStream},
    routes,
    tokio::{self, io},
};
use sealed_session::{
    Session,
    adapters::rocket_0_5::{OptionalSession, SessionFairing},
    manager::SessionError,
};
use stories::{App, FOR_CACHES, Prefs, SORRY, Server, Shop};

tell_all!(serve);

type Answer<T = String> = Result<T, SessionError>;

fn serve(app: App) -> Server {
    Server::start(|listening, stop| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        runtime.unwrap().block_on(async move {
            // Rocket binds its own port, and says which when it listens.
            let tell = AdHoc::on_liftoff("tell", move |rocket| {
                let address = SocketAddr::new(rocket.config().address, rocket.config().port);
                listening.send(address).unwrap();
                Box::pin(async {})
            });
            let serving = application(app).attach(tell).launch();
            tokio::select! {
                served = serving => drop(served.unwrap()),
                _ = stop => {}
            }
        });
    })
}

fn application(app: App) -> Rocket<Build> {
    let config = Config {
        address: Ipv4Addr::LOCALHOST.into(),
        port: 0,
        log_level: LogLevel::Off,
        ..Config::debug_default()
    };
    rocket::custom(config)
        .attach(SessionFairing::new(app.shop.clone()).on_error(sorry))
        .attach(SessionFairing::new(app.prefs.clone()))
        .manage(app)
        .mount(
            "/",
            routes![
                index, cart, add, clear, login, logout, everywhere, whoami, slow, answer, enter,
                panic, stream, ws, redirect, shared, optional, theme, set_theme, both
            ],
        )
}

fn sorry(error: &SessionError) -> (Status, &'static str) {
    match error {
        SessionError::Unavailable(_) => (Status::ServiceUnavailable, SORRY),
        error => (Status::new(error.status()), error.client_message()),
    }
}

#[get("/")]
fn index() -> &'static str {
    "welcome"
}

#[get("/cart")]
async fn cart(session: Session<Shop>) -> Answer {
    App::cart(&session).await
}

#[post("/add?<item>")]
async fn add(session: Session<Shop>, item: &str) -> Answer {
    App::add(&session, item).await
}

#[post("/clear")]
async fn clear(session: Session<Shop>) -> Answer {
    App::clear(&session).await
}

#[post("/login?<user>")]
async fn login(session: Session<Shop>, user: &str) -> Answer {
    App::login(&session, user).await
}

#[post("/logout")]
async fn logout(session: Session<Shop>) -> Answer {
    App::logout(&session).await
}

#[post("/everywhere?<user>")]
async fn everywhere(app: &State<App>, user: &str) -> Answer {
    app.everywhere(user).await
}

#[get("/whoami")]
async fn whoami(session: Session<Shop>) -> Answer {
    App::whoami(&session).await
}

#[post("/slow?<item>")]
async fn slow(app: &State<App>, session: Session<Shop>, item: &str) -> Answer {
    app.slow(&session, item).await
}

#[post("/answer/<status>?<item>")]
async fn answer(status: u16, session: Session<Shop>, item: &str) -> Answer<(Status, String)> {
    let body = App::add(&session, item).await?;
    Ok((Status::new(status), body))
}

#[post("/enter/<status>?<user>")]
async fn enter(status: u16, session: Session<Shop>, user: &str) -> Answer<(Status, String)> {
    let body = App::login(&session, user).await?;
    Ok((Status::new(status), body))
}

#[post("/panic?<item>")]
async fn panic(session: Session<Shop>, item: &str) -> Answer {
    App::add(&session, item).await?;
    panic!("as the story wants it")
}

#[get("/stream?<item>")]
async fn stream(session: Session<Shop>, item: &str) -> Answer<TextStream![&'static str]> {
    App::add(&session, item).await?;
    Ok(TextStream! {
        for chunk in ["one ", "two ", "three"] {
            yield chunk;
        }
    })
}

#[get("/ws?<item>")]
async fn ws(session: Session<Shop>, item: &str) -> Answer<Echo> {
    App::add(&session, item).await?;
    Ok(Echo)
}

#[post("/redirect?<item>")]
async fn redirect(session: Session<Shop>, item: &str) -> Answer<Redirect> {
    App::add(&session, item).await?;
    Ok(Redirect::to("/cart"))
}

/// A page that all shared caches may store.
struct Shared(String);

impl<'r> Responder<'r, 'static> for Shared {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let mut response = self.0.respond_to(request)?;
        for (name, value) in FOR_CACHES {
            response.set_raw_header(name, value);
        }
        Ok(response)
    }
}

#[post("/shared?<item>")]
async fn shared(session: Session<Shop>, item: &str) -> Answer<Shared> {
    App::add(&session, item).await.map(Shared)
}

#[get("/optional")]
fn optional(session: OptionalSession<Shop>) -> &'static str {
    session.0.map_or("none", |_| "some")
}

#[get("/theme")]
async fn theme(session: Session<Prefs>) -> Answer {
    App::theme(&session).await
}

#[post("/theme?<value>")]
async fn set_theme(session: Session<Prefs>, value: &str) -> Answer {
    App::set_theme(&session, value).await
}

#[post("/both?<item>&<theme>")]
async fn both(shop: Session<Shop>, prefs: Session<Prefs>, item: &str, theme: &str) -> Answer {
    App::add(&shop, item).await?;
    App::set_theme(&prefs, theme).await
}

/// An upgraded connection that sends back what it receives, frame by frame as it came.
struct Echo;

impl<'r> Responder<'r, 'static> for Echo {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        Response::build().upgrade("websocket", self).ok()
    }
}

#[rocket::async_trait]
impl IoHandler for Echo {
    async fn io(self: Pin<Box<Self>>, stream: IoStream) -> io::Result<()> {
        let (mut from, mut to) = io::split(stream);
        io::copy(&mut from, &mut to).await?;
        Ok(())
    }
}
