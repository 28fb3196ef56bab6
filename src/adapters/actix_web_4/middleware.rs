//! Configure, and decide.

use core::{
    fmt,
    future::{Ready, ready},
    task::{Context, Poll},
};
use std::{rc::Rc, sync::Arc};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
};

use super::ResponseFuture;
use crate::{
    manager::{SessionError, SessionManager},
    payload::SessionData,
};

/// What the application makes of an error.
pub(super) type OnError = Arc<dyn Fn(&SessionError) -> HttpResponse + Send + Sync>;

/// Gives requests a session, and responses what it has to say.
///
/// Clones share the manager: build one, and move clones into the factory of your `App`.
/// For sessions of two types, wrap the application twice.
pub struct SessionMiddleware<T> {
    pub(super) manager: SessionManager<T>,
    pub(super) on_error: Option<OnError>,
}

impl<T> SessionMiddleware<T> {
    /// A middleware that answers with the error's own response, where a session cannot be
    /// saved.
    #[must_use]
    pub fn new(manager: SessionManager<T>) -> Self {
        Self {
            manager,
            on_error: None,
        }
    }

    /// Answers with what `respond` makes of the error, where a session cannot be read or
    /// saved: the application's own page for a store that is down, say.
    ///
    /// It is asked when saving fails, and when a handler, an extractor or a middleware
    /// further inside fails with a [`SessionError`]; not when they make an error of their
    /// own of it, which they then answer themselves.
    ///
    /// ```
    /// use actix_web::{HttpResponse, ResponseError};
    /// use sealed_session::{SessionManager, Values, adapters::actix_web_4::SessionMiddleware};
    /// use sealed_session::manager::SessionError;
    ///
    /// fn sorry(error: &SessionError) -> HttpResponse {
    ///     HttpResponse::build(error.status_code()).body("Back in a minute.")
    /// }
    ///
    /// # fn middleware(manager: SessionManager<Values>) {
    /// let middleware = SessionMiddleware::new(manager).on_error(sorry);
    /// # }
    /// ```
    #[must_use]
    pub fn on_error(
        mut self,
        respond: impl Fn(&SessionError) -> HttpResponse + Send + Sync + 'static,
    ) -> Self {
        self.on_error = Some(Arc::new(respond));
        self
    }
}

impl<S, T, B> Transform<S, ServiceRequest> for SessionMiddleware<T>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    T: SessionData + Default + Send + Sync + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = SessionService<S, T>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(SessionService {
            inner,
            middleware: Rc::new(self.clone()),
        }))
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

/// A service whose requests have a session.
#[derive(Debug)]
pub struct SessionService<S, T> {
    inner: S,
    /// Requests of this worker share it, and do not count on those of others.
    middleware: Rc<SessionMiddleware<T>>,
}

impl<S, T, B> Service<ServiceRequest> for SessionService<S, T>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    T: SessionData + Default + Send + Sync + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future, T, B>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let middleware = Rc::clone(&self.middleware);
        let session = middleware.manager.session_from(request.headers());
        request.extensions_mut().insert(session.clone());
        ResponseFuture::new(self.inner.call(request), session, middleware)
    }
}
