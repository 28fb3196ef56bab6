//! The small shop on actix-web:
//! `cargo run --release --example actix_web_4 --features actix-web-4,store-memory`
#![allow(clippy::print_stdout, reason = "a program")]

use std::{env, sync::Arc, time::Duration};

use actix_web::{
    App, HttpServer, rt,
    web::{self, Data, Form, Html, Redirect},
};
use sealed_session::{
    EncryptedCodec, Policy, Session, SessionData, SessionManager,
    adapters::actix_web_4::SessionMiddleware,
    keys::{Key, KeyRing},
    manager::SessionError,
    store::memory::MemoryStore,
};
use serde::{Deserialize, Serialize};

/// What the session holds.
#[derive(Serialize, Deserialize, Default, SessionData)]
struct Shop {
    user: Option<String>,
    cart: Vec<String>,
}

type Answer<T = Redirect> = Result<T, SessionError>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    let keys = if env::var_os("SEALED_SESSION_KEY").is_some() {
        KeyRing::from_env("SEALED_SESSION_KEY")?
    } else {
        println!("SEALED_SESSION_KEY is not set: a restart logs everybody out");
        KeyRing::single(Key::generate()?)?
    };
    let policy = Policy::new(Duration::from_mins(30), Duration::from_hours(24))?;
    let manager = SessionManager::builder(EncryptedCodec::builder("shop.example", keys, policy))
        .store(Arc::new(MemoryStore::new()))
        .build()?;

    // What `#[actix_web::main]` does, without the feature `macros`.
    rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            App::new()
                .route("/", web::get().to(page))
                .route("/login", web::post().to(log_in))
                .route("/add", web::post().to(add))
                .route("/logout", web::post().to(log_out))
                .route("/everywhere", web::post().to(everywhere))
                .wrap(SessionMiddleware::<Shop>::new(manager.clone()))
                .app_data(Data::new(manager.clone()))
        });
        let server = server.bind(address)?;
        server.addrs().iter().for_each(|it| println!("http://{it}"));
        Ok(server.run().await?)
    })
}

async fn page(session: Session<Shop>) -> Answer<Html> {
    let place = session.place().await?;
    let html = session.read(|shop| {
        let user = escape(shop.user.as_deref().unwrap_or("nobody"));
        let count = shop.cart.len();
        format!(
            "<!doctype html><meta name=viewport content='width=device-width'><title>Shop</title>
<p>User: <b>{user}</b>. Cart: <b>{count}</b>. The session lives in: <b>{place:?}</b>.
<form method=post action=/login><input name=user aria-label=User required><button>Log in</button></form>
<form method=post action=/add><input name=item aria-label=Item required>
<input name=count type=number value=1 min=1 max=500 aria-label=Count><button>Add</button></form>
<form method=post action=/logout><button>Log out</button></form>
<form method=post action=/everywhere><button>Log out everywhere</button></form>"
        )
    });
    Ok(Html::new(html.await?))
}

#[derive(Deserialize)]
struct LogIn {
    user: String,
}

/// A real shop asks for a password here.
async fn log_in(session: Session<Shop>, Form(form): Form<LogIn>) -> Answer {
    session.log_in(&form.user).await?; // a new session id, and whose session it is
    session.change(|shop| shop.user = Some(form.user)).await?;
    Ok(Redirect::to("/").see_other())
}

#[derive(Deserialize)]
struct Add {
    item: String,
    count: u16,
}

async fn add(session: Session<Shop>, Form(form): Form<Add>) -> Answer {
    let items = (0..form.count).map(|n| format!("{} {n}", form.item));
    session.change(|shop| shop.cart.extend(items)).await?;
    Ok(Redirect::to("/").see_other())
}

async fn log_out(session: Session<Shop>) -> Answer {
    session.log_out().await?;
    Ok(Redirect::to("/").see_other())
}

async fn everywhere(shops: Data<SessionManager<Shop>>, session: Session<Shop>) -> Answer {
    if let Some(user) = session.read(|shop| shop.user.clone()).await? {
        shops.revoke_subject(user).await?;
    }
    session.log_out().await?;
    Ok(Redirect::to("/").see_other())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
