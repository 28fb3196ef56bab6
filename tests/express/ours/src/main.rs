//! The shop of `examples/axum_0_8.rs` with sessions of any shape, so that it can hold the
//! same ones as the shop of `shop.js`; its routes and forms are the same.
//!
//! `--store memory|redis://…`, `--keys HEX,HEX` (the newest first), `--max-age SECONDS`,
//! `--corpus DIR`. It prints its address.

use std::{env, error::Error, fs, sync::Arc, time::Duration};

use axum::{
    Form, Router,
    extract::{Query, State},
    response::{Html, Redirect},
    routing::{get, post},
};
use sealed_session::{
    EncryptedCodec, Policy, Session, SessionManager, Values,
    adapters::tower_0_3::SessionLayer,
    keys::{Key, KeyRing, RingKey},
    manager::SessionError,
    payload::values::Value,
    store::{self, SessionStore, memory::MemoryStore},
    time::Timestamp,
};
use serde::Deserialize;
use tokio::sync::Barrier;

#[derive(Clone)]
struct Shop {
    manager: SessionManager<Values>,
    corpus: Arc<str>,
    /// Where two requests wait for each other.
    meeting: Arc<Barrier>,
}

type Answer<T = Redirect> = Result<T, SessionError>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let hour = Duration::from_secs(3600);
    let (idle, absolute) = match option("--max-age") {
        Some(seconds) => {
            let age = Duration::from_secs(seconds.parse()?);
            (age, age)
        }
        None => (hour / 2, 24 * hour),
    };
    let keys = ring(&option("--keys").ok_or("--keys is missing")?)?;
    let codec = EncryptedCodec::builder("shop.example", keys, Policy::new(idle, absolute)?);
    let store: Arc<dyn SessionStore> = match option("--store").as_deref() {
        None | Some("memory") => Arc::new(MemoryStore::new()),
        Some(url) => store::connect(url).await?,
    };
    let manager = SessionManager::builder(codec).store(store).max_guest_record_bytes(usize::MAX).build()?;
    let shop = Shop {
        manager: manager.clone(),
        corpus: option("--corpus").unwrap_or_default().into(),
        meeting: Arc::new(Barrier::new(2)),
    };
    let app = Router::new()
        .route("/", get(page))
        .route("/login", post(log_in))
        .route("/assign", post(assign))
        .route("/load", post(load))
        .route("/add", post(add))
        .route("/together", post(together))
        .route("/visit", post(visit))
        .route("/logout", post(log_out))
        .route("/everywhere", post(everywhere))
        .layer(SessionLayer::new(manager))
        .with_state(shop);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

/// The value after that argument.
fn option(name: &str) -> Option<String> {
    env::args().skip_while(|argument| argument != name).nth(1)
}

/// Keys of 64 hexadecimal digits, the newest first, which seals.
fn ring(texts: &str) -> Result<KeyRing, Box<dyn Error>> {
    let newest_last = texts.rsplit(',').zip(0_u32..);
    let keys = newest_last.map(|(text, position)| {
        let byte = |at| u8::from_str_radix(text.get(at..at + 2).unwrap_or_default(), 16);
        let bytes: Vec<u8> = (0..text.len())
            .step_by(2)
            .map(byte)
            .collect::<Result<_, _>>()?;
        let seals_from = Timestamp::from_unix_seconds(position);
        Ok(RingKey::new(Key::from_bytes(&bytes)?, seals_from))
    });
    Ok(KeyRing::new(
        keys.collect::<Result<Vec<_>, Box<dyn Error>>>()?,
    )?)
}

async fn page(session: Session<Values>) -> Answer<Html<String>> {
    let html = session.read(|shop| {
        let user = match shop.raw("user") {
            Some(Value::Text(user)) => escape(user),
            _ => "nobody".into(),
        };
        let count = match shop.raw("cart") {
            Some(Value::Array(cart)) => cart.len(),
            _ => 0,
        };
        format!(
            "<!doctype html><meta name=viewport content='width=device-width'><title>Shop</title>
<p>User: <b>{user}</b>. Cart: <b>{count}</b>.
<form method=post action=/login><input name=user aria-label=User required><button>Log in</button></form>
<form method=post action=/add><input name=item aria-label=Item required>
<input name=count type=number value=1 min=1 max=500 aria-label=Count><button>Add</button></form>
<form method=post action=/logout><button>Log out</button></form>
<form method=post action=/everywhere><button>Log out everywhere</button></form>"
        )
    });
    Ok(Html(html.await?))
}

#[derive(Deserialize)]
struct LogIn {
    user: String,
}

async fn log_in(session: Session<Values>, Form(form): Form<LogIn>) -> Answer {
    session.log_in(&form.user).await?;
    set_user(&session, form.user).await
}

/// What a programmer writes who does not know of [`Session::log_in`].
async fn assign(session: Session<Values>, Form(form): Form<LogIn>) -> Answer {
    set_user(&session, form.user).await
}

async fn set_user(session: &Session<Values>, user: String) -> Answer {
    set(session, "user", move |_| Value::Text(user)).await
}

#[derive(Deserialize)]
struct Load {
    name: String,
}

/// Makes the session that file of the corpus.
async fn load(
    State(shop): State<Shop>,
    session: Session<Values>,
    Query(load): Query<Load>,
) -> Answer<String> {
    let text = fs::read_to_string(format!("{}/{}.json", shop.corpus, load.name));
    let read = text.ok().and_then(|text| serde_json::from_str(&text).ok());
    let Some(values) = read else {
        return Ok(format!("no {}", load.name));
    };
    session.change(|shop| *shop = values).await?;
    Ok("loaded".into())
}

#[derive(Deserialize)]
struct Add {
    item: String,
    count: u16,
}

async fn add(session: Session<Values>, Form(form): Form<Add>) -> Answer {
    let items = (0..form.count).map(|n| Value::Text(format!("{} {n}", form.item)));
    extend(&session, items).await
}

#[derive(Deserialize)]
struct Together {
    item: String,
}

/// Changes the session once another request has read it too.
async fn together(
    State(shop): State<Shop>,
    session: Session<Values>,
    Form(form): Form<Together>,
) -> Answer {
    session.read(|_| ()).await?;
    shop.meeting.wait().await;
    extend(&session, [Value::Text(form.item)]).await
}

async fn extend(session: &Session<Values>, items: impl IntoIterator<Item = Value>) -> Answer {
    set(session, "cart", |cart| {
        let mut cart = match cart {
            Some(Value::Array(cart)) => cart,
            _ => Vec::new(),
        };
        cart.extend(items);
        Value::Array(cart)
    })
    .await
}

/// Changes one number.
async fn visit(session: Session<Values>) -> Answer<&'static str> {
    let _ = set(&session, "visits", |visits| match visits {
        Some(Value::UInt(visits)) => Value::UInt(visits + 1),
        _ => Value::UInt(1),
    })
    .await?;
    Ok("ok")
}

async fn log_out(session: Session<Values>) -> Answer {
    session.log_out().await?;
    Ok(Redirect::to("/"))
}

async fn everywhere(State(shop): State<Shop>, session: Session<Values>) -> Answer {
    let user = session.read(|shop| shop.get::<String>("user").ok().flatten());
    if let Some(user) = user.await? {
        shop.manager.revoke_subject(user).await?;
    }
    session.log_out().await?;
    Ok(Redirect::to("/"))
}

async fn set(
    session: &Session<Values>,
    key: &str,
    change: impl FnOnce(Option<Value>) -> Value,
) -> Answer {
    let change = |shop: &mut Values| {
        let value = change(shop.remove(key));
        // Texts, numbers and lists of them are not too deep.
        let _ = shop.set_raw(key, value);
    };
    session.change(change).await?;
    Ok(Redirect::to("/"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
