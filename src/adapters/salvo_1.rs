//! salvo 1: [`SessionHoop`], [`Session<T>`](Session) as an argument of handlers, and
//! [`SessionError`] as something to render.
//!
//! ```
//! use salvo_core::prelude::*;
//! use sealed_session::{Session, SessionData, SessionManager};
//! use sealed_session::{adapters::salvo_1::SessionHoop, manager::SessionError};
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
//! async fn add(session: Session<Shop>, req: &mut Request) -> Result<(), SessionError> {
//!     let item = req.form("item").await.unwrap_or_default();
//!     session.change(|shop| shop.cart.push(item)).await
//! }
//!
//! fn app(manager: SessionManager<Shop>) -> Router {
//!     Router::new()
//!         .hoop(SessionHoop::new(manager))
//!         .push(Router::with_path("cart").get(cart).post(add))
//! }
//! ```
//!
//! * `Session<T>` is the request's session, read when it is first used. It fails only
//!   where the route has no hoop for `T`. Hoops, and handlers without the macro, find it
//!   with `depot.get_typed::<Session<T>>()`.
//! * [`OptionalSession<T>`](OptionalSession) is the session if the client has a valid one. It
//!   fails where that cannot be known.
//! * The session is saved when the handlers inside of the hoop are done, also where one of
//!   them ceased or skipped the rest. A catcher runs after that, too late for a session.
//!   What catches panics belongs outside of the hoop, or a panic is a response to it.
//! * To shape what is answered when a session cannot be read or saved, say so with
//!   [`on_error`](SessionHoop::on_error); otherwise the application's catcher is asked.

use core::fmt;
use std::sync::Arc;

use salvo_core::{
    Depot, Extractible, FlowCtrl, Handler, Request, Response, Scribe, async_trait,
    extract::Metadata,
    http::{StatusCode, StatusError},
};

use super::said::Said;
use crate::{
    manager::{Presented, ResponseHeaders, SessionError, SessionManager},
    payload::SessionData,
    session::Session,
};

/// Gives requests a session, and responses what it has to say.
///
/// Clones share the manager.
pub struct SessionHoop<T> {
    manager: SessionManager<T>,
    on_error: Option<OnError>,
}

type OnError = Arc<dyn Fn(&SessionError, &mut Response) + Send + Sync>;

impl<T> SessionHoop<T> {
    /// A hoop that renders the [`SessionError`] where a session cannot be saved.
    #[must_use]
    pub fn new(manager: SessionManager<T>) -> Self {
        Self {
            manager,
            on_error: None,
        }
    }

    /// Answers with what `respond` renders, where a session cannot be saved, and where a
    /// handler has rendered a [`SessionError`] and nothing else: the application's own page
    /// for a store that is down, say. The response that it is given has the status that
    /// fits, and of its headers those that hoops outside of this one had put there.
    ///
    /// ```
    /// use salvo_core::http::Response;
    /// use sealed_session::{SessionManager, Values, adapters::salvo_1::SessionHoop};
    ///
    /// # fn hoop(manager: SessionManager<Values>) {
    /// let hoop = SessionHoop::new(manager)
    ///     .on_error(|_error, response: &mut Response| response.render("Back in a minute."));
    /// # }
    /// ```
    #[must_use]
    pub fn on_error<F>(mut self, respond: F) -> Self
    where
        F: Fn(&SessionError, &mut Response) + Send + Sync + 'static,
    {
        self.on_error = Some(Arc::new(respond));
        self
    }

    /// Makes a response that says what became of the session.
    fn answer(&self, error: SessionError, response: &mut Response) {
        match &self.on_error {
            Some(respond) => {
                response.status_code(status(&error));
                respond(&error, response);
            }
            None => response.render(error),
        }
    }
}

#[async_trait]
impl<T> Handler for SessionHoop<T>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    async fn handle(
        &self,
        request: &mut Request,
        depot: &mut Depot,
        response: &mut Response,
        ctrl: &mut FlowCtrl,
    ) {
        let session = self.manager.session_from(request.headers());
        depot.insert_typed(session.clone());
        // What hoops outside of this one want said, whatever becomes of the response.
        let outside = response.headers.clone();
        ctrl.call_next(request, depot, response).await;

        let saved = if session.close_if_unread() {
            Ok(ResponseHeaders::default())
        } else {
            let status = response.status_code.unwrap_or(StatusCode::OK);
            self.manager.finish(session, status.as_u16()).await
        };
        let mut said: Said = response.extensions.remove().unwrap_or_default();
        let error = match &saved {
            Err(error) => Some(error.clone()),
            // Unless a handler has given its error a page of its own.
            Ok(_) if self.on_error.is_some() && response.body.is_error() => {
                response.extensions.remove()
            }
            Ok(_) => None,
        };
        let is_replaced = error.is_some();
        if let Some(error) = error {
            empty(response, outside);
            self.answer(error, response);
            for headers in said.each() {
                headers.insert_into(&mut response.headers);
            }
        }
        let headers = match saved {
            Ok(headers) if !(is_replaced && headers.is_empty()) => headers,
            // Also of another session, whose response said so.
            Ok(_) | Err(_) => self.manager.failure_headers(),
        };
        headers.insert_into(&mut response.headers);
        said.add(headers);
        if !said.is_empty() {
            response.extensions.insert(said);
        }
    }
}

/// Forgets what the handlers have said.
fn empty(response: &mut Response, headers: http::HeaderMap) {
    let mut fresh = Response::new();
    fresh.version = response.version;
    fresh.extensions = core::mem::take(&mut response.extensions);
    fresh.headers = headers;
    *response = fresh;
}

impl<'ex, T> Extractible<'ex> for Session<T>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    fn metadata() -> &'static Metadata {
        static METADATA: Metadata = Metadata::new("Session");
        &METADATA
    }

    #[expect(refining_impl_trait, reason = "the application may match on it")]
    async fn extract(_: &'ex mut Request, depot: &'ex mut Depot) -> Result<Self, SessionRejection> {
        let session = depot.get_typed::<Self>();
        session.cloned().map_err(|_| SessionRejection::MissingHoop)
    }
}

/// The request's session, if the client has a valid one.
///
/// ```
/// use salvo_core::prelude::*;
/// use sealed_session::{Values, adapters::salvo_1::OptionalSession};
///
/// #[handler]
/// fn greet(session: OptionalSession<Values>) -> &'static str {
///     session.0.map_or("Hello, stranger.", |_| "Welcome back.")
/// }
/// ```
///
/// It fails where that cannot be known: a stranger's page during an outage would tell
/// somebody who is logged in that they are not.
#[derive(Clone, Debug)]
pub struct OptionalSession<T>(pub Option<Session<T>>);

impl<'ex, T> Extractible<'ex> for OptionalSession<T>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    fn metadata() -> &'static Metadata {
        Session::<T>::metadata()
    }

    #[expect(refining_impl_trait, reason = "the application may match on it")]
    async fn extract(
        request: &'ex mut Request,
        depot: &'ex mut Depot,
    ) -> Result<Self, SessionRejection> {
        let session = Session::extract(request, depot).await?;
        let valid = session.presented().await? == Presented::Valid;
        Ok(Self(valid.then_some(session)))
    }
}

/// Why a request has no session to extract.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionRejection {
    /// The route has no [`SessionHoop`] for this type of session.
    #[error("this route has no session hoop for this type of session")]
    MissingHoop,
    /// The session cannot be read.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// The status that fits, and a line that tells the client no more.
impl Scribe for SessionRejection {
    fn render(self, response: &mut Response) {
        match self {
            Self::MissingHoop => {
                let message = self.to_string();
                response.render(StatusError::internal_server_error().brief(message));
            }
            Self::Session(error) => response.render(error),
        }
    }
}

/// The status that fits, and a line that tells the client no more, as a [`StatusError`]:
/// the application's catcher gives it a page. The hoop's
/// [`on_error`](SessionHoop::on_error) finds the error in the response's extensions.
impl Scribe for SessionError {
    fn render(self, response: &mut Response) {
        let page = StatusError::from_code(status(&self));
        let page = page.unwrap_or_else(StatusError::internal_server_error);
        response.render(page.brief(self.client_message()));
        response.extensions.insert(self);
    }
}

fn status(error: &SessionError) -> StatusCode {
    let status = StatusCode::from_u16(error.status());
    status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl<T> Clone for SessionHoop<T> {
    fn clone(&self) -> Self {
        Self {
            manager: self.manager.clone(),
            on_error: self.on_error.clone(),
        }
    }
}

impl<T> fmt::Debug for SessionHoop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHoop")
            .field("manager", &self.manager)
            .finish_non_exhaustive()
    }
}
