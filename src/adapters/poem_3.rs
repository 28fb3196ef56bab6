//! poem 3: [`SessionMiddleware`], [`Session<T>`](Session) as an extractor, and
//! [`SessionError`] as an error.
//!
//! ```
//! use poem::{Endpoint, EndpointExt, Route, get, handler};
//! use sealed_session::{Session, SessionData, SessionManager};
//! use sealed_session::{adapters::poem_3::SessionMiddleware, manager::SessionError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Default, SessionData)]
//! struct Shop { cart: Vec<String> }
//!
//! #[handler]
//! async fn cart(session: Session<Shop>) -> Result<String, SessionError> {
//!     session.read(|shop| shop.cart.join("\n")).await
//! }
//!
//! #[handler]
//! async fn add(session: Session<Shop>, item: String) -> Result<(), SessionError> {
//!     session.change(|shop| shop.cart.push(item)).await
//! }
//!
//! fn app(manager: SessionManager<Shop>) -> impl Endpoint {
//!     Route::new()
//!         .at("/cart", get(cart).post(add))
//!         .with(SessionMiddleware::new(manager))
//! }
//! ```
//!
//! * `Session<T>` is the request's session, read when it is first used. It fails only
//!   where the route has no middleware for `T`.
//! * [`OptionalSession<T>`](OptionalSession) is the session if the client has a valid one. It
//!   fails where that cannot be known. `Option<Session<T>>` does not say so: poem makes
//!   every extractor optional by forgetting its error.
//! * An error that a handler returns is a response of its status, and the session is saved
//!   with it. A handler that used the session has its errors turned into responses here,
//!   so that what the session has to say goes out with them: put `catch_error` inside of
//!   the middleware, where it sees them all. What catches panics belongs outside, or a
//!   panic is a response to it.
//! * To shape what is answered when a session cannot be read or saved, say so with
//!   [`on_error`](SessionMiddleware::on_error).

use core::fmt;
use std::sync::Arc;

use poem::{
    Endpoint, Error, FromRequest, IntoResponse, Middleware, Request, RequestBody, Response, Result,
    error::ResponseError, http::StatusCode,
};

use super::said::Said;
use crate::{
    manager::{NO_STORE, Presented, SessionError, SessionManager},
    payload::SessionData,
    session::Session,
};

/// Gives requests a session, and responses what it has to say.
///
/// Clones share the manager.
pub struct SessionMiddleware<T> {
    manager: SessionManager<T>,
    on_error: Option<OnError>,
}

type OnError = Arc<dyn Fn(&SessionError) -> Response + Send + Sync>;

impl<T> SessionMiddleware<T> {
    /// A middleware that fails with the [`SessionError`] where a session cannot be saved.
    #[must_use]
    pub fn new(manager: SessionManager<T>) -> Self {
        Self {
            manager,
            on_error: None,
        }
    }

    /// Answers with what `respond` makes of the error, where a session cannot be saved, and
    /// where a handler returns a [`SessionError`]: the application's own page for a store
    /// that is down, say.
    ///
    /// ```
    /// use poem::{IntoResponse, Response, http::StatusCode};
    /// use sealed_session::{SessionManager, Values, adapters::poem_3::SessionMiddleware};
    /// use sealed_session::manager::SessionError;
    ///
    /// fn sorry(error: &SessionError) -> Response {
    ///     let status = StatusCode::from_u16(error.status()).unwrap_or_default();
    ///     "Back in a minute.".with_status(status).into_response()
    /// }
    ///
    /// # fn middleware(manager: SessionManager<Values>) {
    /// let middleware = SessionMiddleware::new(manager).on_error(sorry);
    /// # }
    /// ```
    #[must_use]
    pub fn on_error<F, R>(mut self, respond: F) -> Self
    where
        F: Fn(&SessionError) -> R + Send + Sync + 'static,
        R: IntoResponse,
    {
        self.on_error = Some(Arc::new(move |error| respond(error).into_response()));
        self
    }
}

impl<T, E> Middleware<E> for SessionMiddleware<T>
where
    T: SessionData + Default + Send + Sync + 'static,
    E: Endpoint,
{
    type Output = SessionEndpoint<T, E>;

    fn transform(&self, inner: E) -> Self::Output {
        SessionEndpoint {
            inner,
            middleware: self.clone(),
        }
    }
}

/// An endpoint whose requests have a session.
pub struct SessionEndpoint<T, E> {
    inner: E,
    middleware: SessionMiddleware<T>,
}

impl<T, E> Endpoint for SessionEndpoint<T, E>
where
    T: SessionData + Default + Send + Sync + 'static,
    E: Endpoint,
{
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let manager = &self.middleware.manager;
        let session = manager.session_from(request.headers());
        request.extensions_mut().insert(session.clone());
        let handled = self.inner.call(request).await;
        let handled = handled.map(IntoResponse::into_response);
        if session.close_if_unread() {
            let is_error = handled.is_err();
            let mut answered = self.shaped(handled);
            if let Ok(page) = &mut answered
                && is_error
            {
                // Of another session, whose error cannot say so.
                let headers = manager.failure_headers();
                headers.insert_into(page.headers_mut());
            }
            return answered;
        }
        let status = match &handled {
            Ok(response) => response.status(),
            Err(error) => error.status(),
        };
        let said = handled.as_ref().ok();
        let said = said.and_then(|response| response.extensions().get::<Said>());
        let mut said = said.cloned().unwrap_or_default();
        let (headers, mut response) = match manager.finish(session, status.as_u16()).await {
            // An error of poem's has no headers: from here on it is a response.
            Ok(headers) => {
                let response = self.shaped(handled);
                (headers, response.unwrap_or_else(Error::into_response))
            }
            Err(error) => {
                let mut response = match self.shaped(Err(error.into())) {
                    Err(error) if said.is_empty() => return Err(error),
                    response => response.unwrap_or_else(Error::into_response),
                };
                for headers in said.each() {
                    headers.insert_into(response.headers_mut());
                }
                (manager.failure_headers(), response)
            }
        };
        headers.insert_into(response.headers_mut());
        said.add(headers);
        if !said.is_empty() {
            response.extensions_mut().insert(said);
        }
        Ok(response)
    }
}

impl<T, E> SessionEndpoint<T, E> {
    /// What the application makes of a session's error; anything else as it is.
    fn shaped(&self, handled: Result<Response>) -> Result<Response> {
        handled.or_else(
            |error| match (&self.middleware.on_error, error.downcast_ref()) {
                (Some(respond), Some(session_error)) => Ok(respond(session_error)),
                _ => Err(error),
            },
        )
    }
}

impl<'a, T> FromRequest<'a> for Session<T>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        let session = request.extensions().get::<Self>();
        Ok(session.cloned().ok_or(MissingMiddleware)?)
    }
}

/// The request's session, if the client has a valid one.
///
/// ```
/// use poem::handler;
/// use sealed_session::{Values, adapters::poem_3::OptionalSession, manager::SessionError};
///
/// #[handler]
/// fn greet(OptionalSession(session): OptionalSession<Values>) -> &'static str {
///     session.map_or("Hello, stranger.", |_| "Welcome back.")
/// }
/// ```
///
/// It fails where that cannot be known, with a [`SessionError`]: a stranger's page during
/// an outage would tell somebody who is logged in that they are not.
#[derive(Clone, Debug)]
pub struct OptionalSession<T>(pub Option<Session<T>>);

impl<'a, T> FromRequest<'a> for OptionalSession<T>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let session = Session::from_request(request, body).await?;
        let valid = session.presented().await? == Presented::Valid;
        Ok(Self(valid.then_some(session)))
    }
}

/// The route has no [`SessionMiddleware`] for this type of session.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this route has no session middleware for this type of session")]
pub struct MissingMiddleware;

/// 500.
impl ResponseError for MissingMiddleware {
    fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

/// The status that fits, and a line that tells the client no more. No cache keeps it: an
/// error cannot say what else it depends on.
impl ResponseError for SessionError {
    fn status(&self) -> StatusCode {
        let status = StatusCode::from_u16(Self::status(self));
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn as_response(&self) -> Response {
        let message = self.client_message();
        message
            .with_status(ResponseError::status(self))
            .with_header("cache-control", NO_STORE)
            .into_response()
    }
}

impl<T> Clone for SessionMiddleware<T> {
    fn clone(&self) -> Self {
        Self {
            manager: self.manager.clone(),
            on_error: self.on_error.clone(),
        }
    }
}

impl<T> fmt::Debug for SessionMiddleware<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMiddleware")
            .field("manager", &self.manager)
            .finish_non_exhaustive()
    }
}

impl<T, E> fmt::Debug for SessionEndpoint<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEndpoint")
            .field("middleware", &self.middleware)
            .finish_non_exhaustive()
    }
}
