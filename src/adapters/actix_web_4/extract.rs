//! What handlers take.

use core::{
    future::{Ready, ready},
    pin::Pin,
};

use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, ResponseError, dev::Payload};

use crate::{manager::Presented, payload::SessionData, session::Session};

impl<T> FromRequest for Session<T>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    type Error = MissingMiddleware;
    type Future = Ready<Result<Self, MissingMiddleware>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(of(request))
    }
}

/// The session if the client has a valid one.
///
/// It fails where that cannot be known: a store that is down is a 503, and no `None`. This
/// is what actix-web's own `Option` of an extractor cannot tell apart.
///
/// ```
/// use sealed_session::{Values, adapters::actix_web_4::OptionalSession};
///
/// async fn greet(OptionalSession(session): OptionalSession<Values>) -> &'static str {
///     session.map_or("welcome", |_| "welcome back")
/// }
/// ```
#[derive(Clone, Debug)]
pub struct OptionalSession<T>(pub Option<Session<T>>);

impl<T> FromRequest for OptionalSession<T>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    // Not an enum of ours: the middleware finds a `SessionError` in it.
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let session = of(request);
        Box::pin(async {
            let session: Session<T> = session?;
            let valid = session.presented().await? == Presented::Valid;
            Ok(Self(valid.then_some(session)))
        })
    }
}

/// The route has no [`SessionMiddleware`](super::SessionMiddleware) for this type of
/// session.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this route has no session middleware for this type of session")]
pub struct MissingMiddleware;

/// 500, and the line above: a mistake that the first request shows.
impl ResponseError for MissingMiddleware {}

fn of<T: 'static>(request: &HttpRequest) -> Result<Session<T>, MissingMiddleware> {
    let extensions = request.extensions();
    let session = extensions.get::<Session<T>>().cloned();
    session.ok_or(MissingMiddleware)
}
