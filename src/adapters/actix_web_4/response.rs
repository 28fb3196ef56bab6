//! Answer.

use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{
    Error, HttpResponse, ResponseError, body::EitherBody, dev::ServiceResponse,
    error::InternalError,
};
use pin_project_lite::pin_project;

use super::{insert_into, middleware::OnError};
use crate::{
    manager::{ResponseHeaders, SessionError, SessionManager},
    payload::SessionData,
    session::Session,
};

pin_project! {
    /// The response, once its session is saved.
    pub struct ResponseFuture<F, T, B> {
        #[pin]
        handler: F,
        manager: SessionManager<T>,
        session: Option<Session<T>>,
        on_error: Option<OnError>,
        saving: Option<Saving<B>>,
    }
}

/// A response whose session is being saved.
struct Saving<B> {
    handled: Option<Handled<B>>,
    // Only where the session was used: a request that does not use it allocates nothing.
    headers: Pin<Box<dyn Future<Output = Result<ResponseHeaders, SessionError>>>>,
}

type Handled<B> = Result<ServiceResponse<B>, Error>;

impl<F, T, B> ResponseFuture<F, T, B> {
    pub(super) fn new(
        handler: F,
        manager: SessionManager<T>,
        session: Session<T>,
        on_error: Option<OnError>,
    ) -> Self {
        Self {
            handler,
            manager,
            session: Some(session),
            on_error,
            saving: None,
        }
    }
}

impl<F, T, B> Future for ResponseFuture<F, T, B>
where
    F: Future<Output = Handled<B>>,
    T: SessionData + Default + Send + Sync + 'static,
{
    type Output = Handled<EitherBody<B>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.saving.is_none()
            && let Some(session) = this.session.take()
        {
            let Poll::Ready(handled) = this.handler.poll(context) else {
                *this.session = Some(session);
                return Poll::Pending;
            };
            if session.close_if_unread() {
                let nothing = ResponseHeaders::default();
                return Poll::Ready(answer(handled, &nothing, this.on_error.as_ref()));
            }
            let status = match &handled {
                Ok(response) => response.status(),
                Err(error) => error.as_response_error().status_code(),
            };
            let manager = this.manager.clone();
            *this.saving = Some(Saving {
                handled: Some(handled),
                headers: Box::pin(async move { manager.finish(session, status.as_u16()).await }),
            });
        }
        let Some(saving) = this.saving else {
            return Poll::Pending;
        };
        let saved = ready!(saving.headers.as_mut().poll(context));
        let on_error = this.on_error.as_ref();
        match saving.handled.take() {
            Some(handled) => Poll::Ready(match saved {
                Ok(headers) => answer(handled, &headers, on_error),
                Err(error) => fail(handled, error, on_error),
            }),
            // Polled after it was ready, which `Future` leaves to us.
            None => Poll::Pending,
        }
    }
}

/// The session is saved.
fn answer<B>(
    handled: Handled<B>,
    headers: &ResponseHeaders,
    on_error: Option<&OnError>,
) -> Handled<EitherBody<B>> {
    let error = match &handled {
        Ok(response) => response.response().error(),
        Err(error) => Some(error),
    };
    let error = error.and_then(Error::as_error::<SessionError>);
    let page = on_error.zip(error).map(|(respond, error)| respond(error));
    match (handled, page) {
        (Ok(mut response), None) => {
            insert_into(headers, response.headers_mut());
            Ok(response.map_into_left_body())
        }
        (Ok(response), Some(mut page)) => {
            insert_into(headers, page.headers_mut());
            Ok(response.into_response(page).map_into_right_body())
        }
        (Err(error), None) if headers.is_empty() => Err(error),
        (Err(error), page) => {
            let mut page = page.unwrap_or_else(|| error.error_response());
            insert_into(headers, page.headers_mut());
            Err(InternalError::from_response(error, page).into())
        }
    }
}

/// The session cannot be saved, so that the response must not go out.
fn fail<B>(
    handled: Handled<B>,
    error: SessionError,
    on_error: Option<&OnError>,
) -> Handled<EitherBody<B>> {
    let page: HttpResponse = match on_error {
        Some(respond) => respond(&error),
        None => error.error_response(),
    };
    match handled {
        Ok(response) => Ok(response.into_response(page).map_into_right_body()),
        Err(_) => Err(InternalError::from_response(error, page).into()),
    }
}

impl<F, T, B> fmt::Debug for ResponseFuture<F, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
