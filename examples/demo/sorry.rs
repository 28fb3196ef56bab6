//! What is answered when a session cannot be read or saved.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use sealed_session::manager::SessionError;
use serde::Serialize;

use crate::verdict::Verdict;

#[derive(Serialize)]
struct Sorry {
    verdict: Verdict,
}

/// The status that fits; and, since this is a demo, why.
pub(crate) fn answer(error: &SessionError) -> Response {
    let status = StatusCode::from_u16(error.status());
    let verdict = Verdict::failed(error);
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(Sorry { verdict })).into_response()
}
