//! The application of the stories: what its handlers do, whichever framework routes to
//! them.
//!
//! | route | does |
//! |---|---|
//! | `GET /` | nothing with a session; answers `welcome` |
//! | `GET /cart` | [`App::cart`] |
//! | `POST /add?item=` | [`App::add`] |
//! | `POST /clear` | [`App::clear`] |
//! | `POST /login?user=` | [`App::login`] |
//! | `POST /logout` | [`App::logout`] |
//! | `POST /everywhere?user=` | [`App::everywhere`], without a session |
//! | `GET /whoami` | [`App::whoami`] |
//! | `POST /slow?item=` | [`App::slow`] |
//! | `POST /answer/{status}?item=` | [`App::add`], answered with that status |
//! | `POST /enter/{status}?user=` | [`App::login`], answered with that status |
//! | `POST /panic?item=` | [`App::add`], then panics |
//! | `GET /stream?item=` | [`App::add`], then a body of the chunks `one `, `two `, `three` |
//! | `GET /ws?item=` | [`App::add`], then 101, and echoes what it receives |
//! | `POST /redirect?item=` | [`App::add`], then 303 to `/cart` |
//! | `GET /optional` | `some` or `none`: whether the optional extractor finds a session |
//! | `GET /theme` | [`App::theme`], of the other session |
//! | `POST /theme?value=` | [`App::set_theme`], of the other session |
//! | `POST /both?item=&theme=` | [`App::add`] and [`App::set_theme`] |
//!
//! An error of a session is answered with 503 and the text [`SORRY`] where it is
//! [`SessionError::Unavailable`], and with its own status otherwise.

use core::time::Duration;
use std::sync::Arc;

use sealed_session::{
    CookieConfig, EncryptedCodec, Policy, Session, SessionData, SessionManager,
    keys::{Key, KeyRing},
    manager::{Revocation, SessionError},
    time::{TestClock, Timestamp},
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::model_store::ModelStore;

/// What the application says when its store is down.
pub const SORRY: &str = "closed for stocktaking";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionData)]
pub struct Shop {
    pub cart: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionData)]
pub struct Prefs {
    pub theme: String,
}

/// What each shared cache heeds, as an application that wants all of them to store a page
/// sets it.
pub const FOR_CACHES: [(&str, &str); 11] = [
    ("cache-control", "public, max-age=60"),
    ("cdn-cache-control", "max-age=60"),
    ("akamai-cache-control", "max-age=60"),
    ("cloudflare-cdn-cache-control", "max-age=60"),
    ("netlify-cdn-cache-control", "max-age=60"),
    ("vercel-cdn-cache-control", "max-age=60"),
    ("surrogate-control", "max-age=60"),
    ("fastly-surrogate-control", "max-age=60"),
    ("edge-control", "max-age=60"),
    ("x-litespeed-cache-control", "public, max-age=60"),
    ("x-accel-expires", "60"),
];

/// The application, and what the stories know of its inside.
#[derive(Clone)]
pub struct App {
    pub shop: SessionManager<Shop>,
    pub prefs: SessionManager<Prefs>,
    pub store: Arc<ModelStore>,
    pub clock: TestClock,
    gate: Arc<Gate>,
}

impl App {
    pub fn new() -> Self {
        Self::build(true)
    }

    pub fn without_store() -> Self {
        Self::build(false)
    }

    fn build(with_store: bool) -> Self {
        let clock = TestClock::at(Timestamp::from_unix_seconds(1_800_000_000));
        let policy = Policy::new(Duration::from_mins(30), Duration::from_hours(24)).unwrap();
        let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
        let codec = |context: &str| {
            EncryptedCodec::builder(context, keys.clone(), policy.clone()).clock(clock.clone())
        };
        let store = Arc::new(ModelStore::default());
        let mut shop = SessionManager::builder(codec("shop"))
            .token_header("x-session")
            .merge_with(|base: &Shop, ours, mut theirs| {
                let added = ours.cart.iter().skip(base.cart.len());
                theirs.cart.extend(added.cloned());
                Some(theirs)
            });
        if with_store {
            shop = shop.store(store.clone()).revocation(Revocation::Strict);
        }
        let prefs = CookieConfig::named("__Host-prefs").build().unwrap();
        Self {
            shop: shop.build().unwrap(),
            prefs: SessionManager::builder(codec("shop"))
                .cookie(prefs)
                .build()
                .unwrap(),
            store,
            clock,
            gate: Arc::new(Gate {
                arrived: Semaphore::new(0),
                opened: Semaphore::new(0),
            }),
        }
    }

    pub async fn cart(session: &Session<Shop>) -> Result<String, SessionError> {
        session.read(|shop| shop.cart.join(",")).await
    }

    pub async fn add(session: &Session<Shop>, item: &str) -> Result<String, SessionError> {
        session
            .change(|shop| shop.cart.push(item.to_owned()))
            .await?;
        Ok("added".to_owned())
    }

    pub async fn clear(session: &Session<Shop>) -> Result<String, SessionError> {
        session.change(|shop| shop.cart.clear()).await?;
        Ok("cleared".to_owned())
    }

    pub async fn login(session: &Session<Shop>, user: &str) -> Result<String, SessionError> {
        session.log_in(user).await?;
        Ok("hello".to_owned())
    }

    pub async fn logout(session: &Session<Shop>) -> Result<String, SessionError> {
        session.log_out().await?;
        Ok("bye".to_owned())
    }

    pub async fn everywhere(&self, user: &str) -> Result<String, SessionError> {
        self.shop.revoke_subject(user).await?;
        Ok("bye, all".to_owned())
    }

    /// The session's id for the log and whether anybody is logged in, or `-`.
    pub async fn whoami(session: &Session<Shop>) -> Result<String, SessionError> {
        let user = session.subject().await?.is_some();
        let id = session.id().await?;
        Ok(id.map_or("-".to_owned(), |id| format!("{} {user}", id.log_id())))
    }

    /// Reads, waits until the story goes on, and changes.
    pub async fn slow(&self, session: &Session<Shop>, item: &str) -> Result<String, SessionError> {
        Self::cart(session).await?;
        self.gate.arrived.add_permits(1);
        self.gate.opened.acquire().await.unwrap().forget();
        Self::add(session, item).await
    }

    /// Waits until as many requests are in [`slow`](Self::slow).
    pub async fn wait_for_slow(&self, requests: u32) {
        let arrived = self.gate.arrived.acquire_many(requests).await.unwrap();
        arrived.forget();
    }

    /// Lets as many requests go on.
    pub fn open_gate(&self, requests: usize) {
        self.gate.opened.add_permits(requests);
    }

    pub async fn theme(session: &Session<Prefs>) -> Result<String, SessionError> {
        session.read(|prefs| prefs.theme.clone()).await
    }

    pub async fn set_theme(session: &Session<Prefs>, value: &str) -> Result<String, SessionError> {
        session
            .change(|prefs| value.clone_into(&mut prefs.theme))
            .await?;
        Ok("painted".to_owned())
    }
}

/// Holds slow requests.
struct Gate {
    arrived: Semaphore,
    opened: Semaphore,
}

/// A parameter of a query such as `item=book&user=ada`, which needs no decoding here.
pub fn param(query: Option<&str>, name: &str) -> String {
    let mut pairs = query.unwrap_or_default().split('&');
    let value = pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_default().to_owned()
}
