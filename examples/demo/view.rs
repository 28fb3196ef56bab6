//! The session as the server sees it.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
};
use sealed_session::{
    Session,
    claims::Claims,
    cookie,
    manager::{InvalidKind, Place, Presented, SessionError, SessionEvent},
    time::Clock as _,
    token::{MAX_COOKIE_LEN, UntrustedToken},
};
use serde::Serialize;

use crate::{
    anatomy::{self, Part},
    verdict::Verdict,
    world::{Demo, REMEMBER_ME, Visit},
};

#[derive(Serialize)]
pub(crate) struct Seen {
    verdict: Verdict,
    session: Option<Inside>,
    cookie: Option<Outside>,
    limit: usize,
    budget: usize,
    keys: Vec<KeyRow>,
    store: StoreRow,
    now: String,
    ahead: u32,
    events: Vec<String>,
    is_debug_build: bool,
}

/// What is known once the token is open.
#[derive(Serialize)]
struct Inside {
    place: &'static str,
    id: String,
    user: Option<String>,
    payload: usize,
    began: String,
    issued: String,
    expires: String,
    lifetime: &'static str,
    shape: &'static str,
}

/// What the browser sent.
#[derive(Serialize)]
struct Outside {
    name: String,
    value: String,
    /// Of name and value together.
    bytes: usize,
    /// None if it is not even a token.
    parts: Vec<Part>,
}

#[derive(Serialize)]
struct KeyRow {
    id: String,
    role: &'static str,
    until: Option<String>,
}

#[derive(Serialize)]
struct StoreRow {
    stopped: bool,
    bytes: u64,
    calls: u64,
}

/// Everything, with the status that a page of the application would have had.
pub(crate) async fn show(
    State(demo): State<Demo>,
    session: Session<Visit>,
    headers: HeaderMap,
) -> (StatusCode, Json<Seen>) {
    let name = demo.manager.cookie().name();
    let sent = headers.get_all("cookie").iter().map(HeaderValue::as_bytes);
    let value = cookie::candidates(sent, name).next().unwrap_or_default();
    let token = UntrustedToken::parse(value).ok();

    let now = demo.clock.now();
    let ring = demo.keys.current();
    let is_superseded = token
        .as_ref()
        .is_some_and(|token| ring.is_superseded(token.key_id(), now));
    let (status, claims, verdict) = match judged(&session).await {
        Ok((Presented::Valid, claims, place)) => {
            (StatusCode::OK, claims, Verdict::valid(place, is_superseded))
        }
        Ok((Presented::Invalid(kind), ..)) => {
            let reason = reason(&demo, value, kind);
            (StatusCode::OK, None, Verdict::refused(kind, reason))
        }
        Ok(_) => (StatusCode::OK, None, Verdict::nothing()),
        Err(error) => {
            let status = StatusCode::from_u16(error.status());
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, None, Verdict::failed(&error))
        }
    };
    let inside = match &claims {
        Some(claims) => inside(&demo, &session, claims).await.ok(),
        None => None,
    };
    let outside = (!value.is_empty()).then(|| Outside {
        name: name.to_owned(),
        value: value.to_owned(),
        bytes: name.len().saturating_add(value.len()),
        parts: token.map_or_else(Vec::new, |token| anatomy::parts(&token, claims.as_ref())),
    });
    let sealing = ring.sealing_key(now);
    let keys = ring.keys().iter().rev().filter(|entry| entry.opens_at(now));
    let seen = Seen {
        verdict,
        session: inside,
        cookie: outside,
        limit: MAX_COOKIE_LEN,
        budget: demo.manager.codec().limit(),
        keys: keys
            .map(|entry| KeyRow {
                id: entry.key().id().to_string().chars().take(8).collect(),
                role: if sealing == Some(entry) {
                    "seals and opens"
                } else {
                    "only opens"
                },
                until: entry.opens_until().map(|until| until.to_string()),
            })
            .collect(),
        store: StoreRow {
            stopped: demo.store.is_stopped(),
            bytes: demo.store.used_bytes(),
            calls: demo.store.calls(),
        },
        now: now.to_string(),
        ahead: demo.clock.ahead(),
        events: demo.events.latest().iter().map(told).collect(),
        is_debug_build: cfg!(debug_assertions),
    };
    (status, Json(seen))
}

async fn judged(
    session: &Session<Visit>,
) -> Result<(Presented, Option<Claims>, Place), SessionError> {
    Ok((
        session.presented().await?,
        session.claims().await?,
        session.place().await?,
    ))
}

async fn inside(
    demo: &Demo,
    session: &Session<Visit>,
    claims: &Claims,
) -> Result<Inside, SessionError> {
    let policy = demo.manager.codec().policy();
    let remembered = policy.class(REMEMBER_ME) == Some(claims.class());
    let visit = session.get().await?;
    Ok(Inside {
        place: match session.place().await? {
            Place::Cookie => "cookie",
            Place::Store => "store",
            _ => "nowhere",
        },
        id: claims.session_id().log_id(),
        user: visit.user,
        payload: visit.payload.len(),
        began: claims.created().to_string(),
        issued: claims.issued().to_string(),
        expires: claims.expires().to_string(),
        lifetime: if remembered {
            "remember-me: 7 days idle, 30 days in all; outlives the browser"
        } else {
            "30 minutes idle, 24 hours in all; ends with the browser"
        },
        shape: match session.place().await? {
            Place::Store => "a reference of constant size; the row is encrypted too",
            _ => "as it is, not compressed",
        },
    })
}

/// The exact rule that was broken, if the token did not open.
fn reason(demo: &Demo, value: &str, kind: InvalidKind) -> Option<&'static str> {
    let InvalidKind::Token(kind) = kind else {
        return None;
    };
    let error = demo.manager.codec().open_token(value).err()?;
    (error.kind() == kind).then(|| error.reason())
}

fn told(event: &SessionEvent) -> String {
    let session = event.session.map(|session| session.log_id());
    match session {
        Some(session) => format!("{:?} {session}", event.kind),
        None => format!("{:?}", event.kind),
    }
}
