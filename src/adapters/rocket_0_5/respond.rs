//! Errors as responses, and what a request's fairings know of each other.

use std::sync::Mutex;

use rocket::{
    Request,
    http::Status,
    response::{self, Responder},
};

use super::SessionRejection;
use crate::{
    adapters::said::Said,
    manager::{ResponseHeaders, SessionError, lock},
};

/// The status that fits, and a line that tells the client no more. The fairing's
/// [`on_error`](super::SessionFairing::on_error) is told of it.
impl<'r> Responder<'r, 'static> for SessionError {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let response = plain(&self, request);
        keep_failure(request, self);
        response
    }
}

/// As for [`SessionError`].
impl<'r> Responder<'r, 'static> for SessionRejection {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        match self {
            Self::MissingFairing => {
                (Status::InternalServerError, self.to_string()).respond_to(request)
            }
            Self::Session(error) => error.respond_to(request),
        }
    }
}

pub(super) fn plain(error: &SessionError, request: &Request<'_>) -> response::Result<'static> {
    (Status::new(error.status()), error.client_message()).respond_to(request)
}

/// The error that a handler or a guard failed with.
#[derive(Default)]
struct Failure(Mutex<Option<SessionError>>);

pub(super) fn keep_failure(request: &Request<'_>, error: SessionError) {
    *lock(&request.local_cache(Failure::default).0) = Some(error);
}

pub(super) fn take_failure(request: &Request<'_>) -> Option<SessionError> {
    lock(&request.local_cache(Failure::default).0).take()
}

/// What the fairings of other sessions have handed out.
#[derive(Default)]
struct SaidSoFar(Mutex<Said>);

pub(super) fn keep_said(request: &Request<'_>, headers: ResponseHeaders) {
    if headers.hands_out() {
        lock(&request.local_cache(SaidSoFar::default).0).add(headers);
    }
}

pub(super) fn said(request: &Request<'_>) -> Said {
    lock(&request.local_cache(SaidSoFar::default).0).clone()
}
