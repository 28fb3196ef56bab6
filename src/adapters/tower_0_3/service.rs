//! Decide.

use core::{
    fmt,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{OnError, ResponseFuture};
use crate::{manager::SessionManager, payload::SessionData};

/// A service whose requests have a session.
pub struct SessionService<S, T, E> {
    inner: S,
    manager: SessionManager<T>,
    on_error: E,
}

impl<S, T, E> SessionService<S, T, E> {
    pub(super) fn new(inner: S, manager: SessionManager<T>, on_error: E) -> Self {
        Self {
            inner,
            manager,
            on_error,
        }
    }
}

impl<S, T, E, Q, B> Service<Request<Q>> for SessionService<S, T, E>
where
    S: Service<Request<Q>, Response = Response<B>>,
    T: SessionData + Default + Send + Sync + 'static,
    E: OnError<B> + Clone,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, T, E, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let session = self.manager.session_from(request.headers());
        request.extensions_mut().insert(session.clone());
        let on_error = self.on_error.clone();
        ResponseFuture::new(self.inner.call(request), session, on_error)
    }
}

impl<S: Clone, T, E: Clone> Clone for SessionService<S, T, E> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            manager: self.manager.clone(),
            on_error: self.on_error.clone(),
        }
    }
}

impl<S, T, E> fmt::Debug for SessionService<S, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("manager", &self.manager)
            .finish_non_exhaustive()
    }
}
