//! What handlers take.

use rocket::{
    Ignite, Request, Rocket, Sentinel,
    http::Status,
    request::{FromRequest, Outcome},
};

use super::respond::keep_failure;
use crate::{
    manager::{Presented, SessionError, SessionManager},
    payload::SessionData,
    session::Session,
};

#[rocket::async_trait]
impl<'r, T> FromRequest<'r> for Session<T>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    type Error = SessionRejection;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, SessionRejection> {
        outcome(request, of(request))
    }
}

/// Refuses to launch where a route needs a session and there is no fairing for it.
impl<T: 'static> Sentinel for Session<T> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        rocket.state::<Installed<T>>().is_none()
    }
}

/// The session if the client has a valid one.
///
/// It fails where that cannot be known: a store that is down is a 503, and no `None`. This
/// is what Rocket's own `Option` of a guard cannot tell apart.
///
/// ```
/// use rocket::get;
/// use sealed_session::{Values, adapters::rocket_0_5::OptionalSession};
///
/// #[get("/")]
/// fn greet(session: OptionalSession<Values>) -> &'static str {
///     session.0.map_or("welcome", |_| "welcome back")
/// }
/// ```
#[derive(Clone, Debug)]
pub struct OptionalSession<T>(pub Option<Session<T>>);

#[rocket::async_trait]
impl<'r, T> FromRequest<'r> for OptionalSession<T>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    type Error = SessionRejection;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, SessionRejection> {
        let session = match of::<T>(request) {
            Ok(session) => session,
            Err(rejection) => return outcome(request, Err(rejection)),
        };
        let presented = session.presented().await;
        let valid = presented.map(|it| Self((it == Presented::Valid).then_some(session)));
        outcome(request, valid.map_err(Into::into))
    }
}

impl<T: 'static> Sentinel for OptionalSession<T> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        Session::<T>::abort(rocket)
    }
}

/// Why a request has no session to guard with.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionRejection {
    /// The application has no [`SessionFairing`](super::SessionFairing) for this type of
    /// session.
    #[error("this application has no session fairing for this type of session")]
    MissingFairing,
    /// The session cannot be read.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// The manager that a fairing has brought; a type of its own, so that the application may
/// manage its manager, too.
pub(super) struct Installed<T>(pub(super) SessionManager<T>);

/// The session that the guards of a request share, if one has asked for it.
struct Cached<T>(Option<Session<T>>);

/// The session of a request that is being answered, if a guard has made it.
pub(super) fn made_for<'r, T>(request: &'r Request<'_>) -> Option<&'r Session<T>>
where
    T: Send + Sync + 'static,
{
    request.local_cache(|| Cached(None)).0.as_ref()
}

fn of<T>(request: &Request<'_>) -> Result<Session<T>, SessionRejection>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    let Installed(manager) = request
        .rocket()
        .state::<Installed<T>>()
        .ok_or(SessionRejection::MissingFairing)?;
    let made = || Cached(Some(manager.session_from(request.headers())));
    let session = request.local_cache(made).0.clone();
    // The fairing was here first: the response is on its way.
    Ok(session.ok_or(SessionError::TooLate)?)
}

fn outcome<S>(
    request: &Request<'_>,
    session: Result<S, SessionRejection>,
) -> Outcome<S, SessionRejection> {
    match session {
        Ok(session) => Outcome::Success(session),
        Err(rejection) => {
            let status = match &rejection {
                SessionRejection::MissingFairing => Status::InternalServerError,
                SessionRejection::Session(error) => {
                    keep_failure(request, error.clone());
                    Status::new(error.status())
                }
            };
            Outcome::Error((status, rejection))
        }
    }
}
