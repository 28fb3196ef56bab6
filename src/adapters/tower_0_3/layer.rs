//! Configure.

use core::fmt;

use http::{Response, StatusCode};
use tower_layer::Layer;

use super::SessionService;
use crate::manager::{SessionError, SessionManager};

/// Gives requests a session, and responses what it has to say.
///
/// Clones share the manager.
pub struct SessionLayer<T, E = StatusOnly> {
    manager: SessionManager<T>,
    on_error: E,
}

impl<T> SessionLayer<T> {
    /// A layer that answers with an empty body, and the status that fits, where a session
    /// cannot be saved.
    #[must_use]
    pub fn new(manager: SessionManager<T>) -> Self {
        Self {
            manager,
            on_error: StatusOnly,
        }
    }
}

impl<T, E> SessionLayer<T, E> {
    /// Answers with what `respond` makes of the error, where a session cannot be read or
    /// saved: the application's own page for a store that is down, say.
    ///
    /// ```
    /// use http::Response;
    /// use sealed_session::{SessionManager, Values, adapters::tower_0_3::SessionLayer};
    /// use sealed_session::manager::SessionError;
    ///
    /// fn sorry(error: &SessionError) -> Response<String> {
    ///     let mut response = Response::new("Back in a minute.".to_owned());
    ///     *response.status_mut() = error.status().try_into().unwrap_or_default();
    ///     response
    /// }
    ///
    /// # fn layer(manager: SessionManager<Values>) {
    /// let layer = SessionLayer::new(manager).on_error(sorry);
    /// # }
    /// ```
    #[must_use]
    pub fn on_error<F, B>(self, respond: F) -> SessionLayer<T, F>
    where
        F: Fn(&SessionError) -> Response<B>,
    {
        SessionLayer {
            manager: self.manager,
            on_error: respond,
        }
    }
}

impl<S, T, E: Clone> Layer<S> for SessionLayer<T, E> {
    type Service = SessionService<S, T, E>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService::new(inner, self.manager.clone(), self.on_error.clone())
    }
}

impl<T, E: Clone> Clone for SessionLayer<T, E> {
    fn clone(&self) -> Self {
        Self {
            manager: self.manager.clone(),
            on_error: self.on_error.clone(),
        }
    }
}

impl<T, E> fmt::Debug for SessionLayer<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer")
            .field("manager", &self.manager)
            .finish_non_exhaustive()
    }
}

/// What is answered when a session cannot be read or saved: functions from the error to a
/// response, and [`StatusOnly`].
pub trait OnError<B> {
    /// The response to the client. `answered` is what the application made of the error
    /// itself, if it was the one that met it.
    fn respond(&self, error: &SessionError, answered: Option<Response<B>>) -> Response<B>;
}

/// The application's own answer if there is one; otherwise an empty body, and the status
/// that fits.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatusOnly;

impl<B: Default> OnError<B> for StatusOnly {
    fn respond(&self, error: &SessionError, answered: Option<Response<B>>) -> Response<B> {
        answered.unwrap_or_else(|| {
            let mut response = Response::new(B::default());
            let status = StatusCode::from_u16(error.status());
            *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            response
        })
    }
}

impl<F, B> OnError<B> for F
where
    F: Fn(&SessionError) -> Response<B>,
{
    fn respond(&self, error: &SessionError, _: Option<Response<B>>) -> Response<B> {
        self(error)
    }
}
