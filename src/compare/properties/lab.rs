//! What the experiments are made of.

use core::time::Duration;
use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{Verdict, beyond, seeds};
use crate::{
    SessionData, SessionManager,
    compare::{
        kit::{Client, Kit},
        report::Way,
        sweep::Filler,
        watched::Watched,
    },
    manager::{Presented, SessionError},
    store::{SessionStore, memory::MemoryStore},
};

/// What an experiment found, or why it could not be done.
pub(super) type Outcome = Result<Found, Box<dyn core::error::Error>>;

/// What an experiment found by each strategy.
pub(super) struct Found {
    pub(super) cookie: String,
    pub(super) store: String,
    pub(super) automatic: String,
    /// `None` where that is for a record to say, or where nothing is claimed.
    pub(super) verdict: Option<Verdict>,
    pub(super) because: String,
}

impl Found {
    /// Of a row that nobody claims anything in.
    pub(super) fn unclaimed([cookie, store, automatic]: [String; 3], because: &str) -> Self {
        Self {
            cookie,
            store,
            automatic,
            verdict: None,
            because: because.to_owned(),
        }
    }
}

/// Runs the experiment of that name; `None` if there is none.
pub(super) async fn run(id: &str, kit: &Kit) -> Option<Outcome> {
    Some(match id {
        "storage-location" => seeds::storage_location(kit).await,
        "readable" => seeds::readable(kit).await,
        "expiration" => seeds::expiration(kit).await,
        "restart" => seeds::restart(kit).await,
        "browser-close" => seeds::browser_close(kit).await,
        "logout" => seeds::logout(kit).await,
        "authentication" => seeds::authentication(kit).await,
        "identifier" => seeds::identifier(kit).await,
        "every-request" => seeds::every_request(kit).await,
        "purpose" => seeds::purpose(kit).await,
        "examples" => seeds::examples(kit).await,
        "revocation-delay" => beyond::revocation_delay(kit).await,
        "replay-window" => beyond::replay_window(kit).await,
        "old-state" => beyond::old_state(kit).await,
        "lost-updates" => beyond::lost_updates(kit).await,
        "store-down" => beyond::store_down(kit).await,
        "at-rest" => beyond::at_rest(kit).await,
        "stolen-database" => beyond::stolen_database(kit).await,
        "stolen-key" => beyond::stolen_key(kit).await,
        _ => return None,
    })
}

/// The strategies, in the order of the columns.
pub(super) const WAYS: [Way; 3] = [Way::Cookie, Way::Store, Way::Automatic];

/// What only the server may read.
pub(super) const SECRET: &str = "csrf-6EhWI93jZMGE8F6asfZvmTnFoo1HlTjz";

/// Bytes that fit no cookie.
pub(super) const LARGE: usize = 8_192;

/// The session of the experiments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Visit {
    pub(super) secret: String,
    pub(super) theme: String,
    pub(super) vouchers: u8,
    pub(super) cart: Vec<String>,
    pub(super) bulk: Filler,
}

impl SessionData for Visit {}

impl Visit {
    pub(super) fn small() -> Self {
        Self {
            secret: SECRET.to_owned(),
            theme: "dark".to_owned(),
            vouchers: 1,
            ..Self::default()
        }
    }

    pub(super) fn large() -> Self {
        Self {
            bulk: Filler::random(LARGE),
            ..Self::small()
        }
    }
}

/// A store in memory that is looked at, and a browser with a session of somebody who is
/// logged in.
pub(super) struct Stage {
    pub(super) kit: Kit,
    pub(super) way: Way,
    pub(super) store: Arc<Watched>,
    pub(super) client: Client<Visit>,
    /// The header that began it.
    pub(super) set_cookie: String,
}

impl Stage {
    pub(super) async fn new(
        kit: &Kit,
        way: Way,
        visit: Visit,
    ) -> Result<Self, Box<dyn core::error::Error>> {
        let kit = kit.with_own_clock();
        let store = Arc::new(fresh_store(&kit));
        let manager = kit.manager(way, Some(shared(&store)))?;
        let mut client = Client::new(manager);
        let session = client.session();
        session.log_in("42").await?;
        session.change(|empty| *empty = visit).await?;
        let set_cookie = client.finish(session).await?.unwrap_or_default();
        // The first read of a row notes in it that its reference has arrived.
        let session = client.session();
        session.get().await?;
        client.finish(session).await?;
        Ok(Self {
            kit,
            way,
            store,
            client,
            set_cookie,
        })
    }

    /// Another server of the same strategy, keys and store.
    pub(super) fn another_server(
        &self,
    ) -> Result<SessionManager<Visit>, Box<dyn core::error::Error>> {
        Ok(self.kit.manager(self.way, Some(shared(&self.store)))?)
    }

    /// The bytes of the token that the browser holds.
    pub(super) fn token(&self) -> Vec<u8> {
        decoded(self.client.value())
    }
}

pub(super) fn fresh_store(kit: &Kit) -> Watched {
    let memory = MemoryStore::with_limit(u64::MAX);
    Watched::new(Arc::new(memory), Arc::clone(&kit.monotonic)).with_copies()
}

pub(super) fn shared(store: &Arc<Watched>) -> Arc<dyn SessionStore> {
    Arc::<Watched>::clone(store)
}

/// What a server makes of the cookie that a browser presents.
pub(super) async fn presented(client: &Client<Visit>) -> Result<Presented, SessionError> {
    let session = client.session();
    let presented = session.presented().await?;
    // Only looked at: nothing is set.
    Ok(presented)
}

pub(super) async fn is_accepted(client: &Client<Visit>) -> Result<bool, SessionError> {
    Ok(presented(client).await? == Presented::Valid)
}

/// The bytes of a cookie's value; none if it is not base64url.
pub(super) fn decoded(value: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value).unwrap_or_default()
}

pub(super) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether the secret stands in the bytes as it is.
pub(super) fn shows_secret(bytes: &[u8]) -> bool {
    let secret = SECRET.as_bytes();
    bytes.windows(secret.len()).any(|window| window == secret)
}

/// `30 min`, `24 h`, `5 s`.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, name) in [(86_400, "days"), (3_600, "h"), (60, "min")] {
        let whole = seconds.checked_div(unit).unwrap_or_default();
        if seconds > unit && seconds.is_multiple_of(unit) {
            return format!("{whole} {name}");
        }
    }
    format!("{seconds} s")
}
