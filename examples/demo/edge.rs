//! A session without a store, filled up to the last byte that browsers keep.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue},
};
use sealed_session::{Session, cookie, manager::SessionError, token::MAX_COOKIE_LEN};
use serde::{Deserialize, Serialize};

use crate::world::{Demo, Edge, noise};

#[derive(Serialize)]
pub(crate) struct Shown {
    /// Bytes of data in the session.
    data: usize,
    /// Bytes of name and value, as the browser sent them.
    cookie: usize,
    limit: usize,
}

pub(crate) async fn show(
    State(demo): State<Demo>,
    session: Session<Edge>,
    headers: HeaderMap,
) -> Result<Json<Shown>, SessionError> {
    let name = demo.edge.cookie().name();
    let sent = headers.get_all("cookie").iter().map(HeaderValue::as_bytes);
    let value = cookie::candidates(sent, name).next();
    Ok(Json(Shown {
        data: session.read(|edge| edge.filler.len()).await?,
        cookie: value.map_or(0, |value| name.len().saturating_add(value.len())),
        limit: MAX_COOKIE_LEN,
    }))
}

#[derive(Deserialize)]
pub(crate) struct Fill {
    bytes: usize,
}

/// Puts that many bytes into the session. Too many is the answer 413, made where the
/// response is: see [`crate::sorry`].
pub(crate) async fn fill(
    session: Session<Edge>,
    Json(ask): Json<Fill>,
) -> Result<Json<Filled>, SessionError> {
    let data = ask.bytes.min(MAX_COOKIE_LEN);
    session.change(|edge| edge.filler = noise(data)).await?;
    let plan = session.plan().await?;
    Ok(Json(Filled {
        data,
        cookie: plan.cookie_len(),
    }))
}

#[derive(Serialize)]
pub(crate) struct Filled {
    data: usize,
    /// Bytes of name and value that this takes.
    cookie: usize,
}
