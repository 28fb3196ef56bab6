//! Answer.

use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Response, header::VARY};
use pin_project_lite::pin_project;

use super::OnError;
use crate::{
    adapters::said::Said,
    manager::{Finish, Inner, ResponseHeaders, SessionError},
    payload::SessionData,
    session::Session,
};

pin_project! {
    /// The response, once its session is saved.
    pub struct ResponseFuture<F, T, E, B> {
        #[pin]
        handler: F,
        session: Session<T>,
        on_error: E,
        is_handled: bool,
        saving: Option<Saving<B>>,
    }
}

/// A response whose session is being saved.
struct Saving<B> {
    response: Option<Response<B>>,
    // Only where the store has a say in it: all others are saved without a future.
    headers: Pin<Box<dyn Future<Output = Result<ResponseHeaders, SessionError>> + Send>>,
}

impl<F, T, E, B> ResponseFuture<F, T, E, B> {
    pub(super) fn new(handler: F, session: Session<T>, on_error: E) -> Self {
        Self {
            handler,
            session,
            on_error,
            is_handled: false,
            saving: None,
        }
    }
}

impl<F, T, E, B, Error> Future for ResponseFuture<F, T, E, B>
where
    F: Future<Output = Result<Response<B>, Error>>,
    T: SessionData + Default + Send + Sync + 'static,
    E: OnError<B>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (session, on_error) = (this.session, this.on_error);
        let manager = session.manager();
        if !*this.is_handled {
            let handled = ready!(this.handler.poll(context));
            *this.is_handled = true;
            let response = match handled {
                Ok(response) => response,
                Err(error) => {
                    // Nothing of it is saved, and nobody may think so.
                    let _ = session.take_live();
                    return Poll::Ready(Err(error));
                }
            };
            let finished = if session.close_if_unread() {
                Ok(Finish::Done(ResponseHeaders::default()))
            } else {
                let status = response.status().as_u16();
                manager.finish_here(session, status)
            };
            let unsaved = match finished {
                Ok(Finish::Unsaved(unsaved)) => unsaved,
                Ok(Finish::Done(headers)) => {
                    return Poll::Ready(Ok(answer(response, Ok(headers), manager, on_error)));
                }
                Err(error) => {
                    return Poll::Ready(Ok(answer(response, Err(error), manager, on_error)));
                }
            };
            let session = session.clone();
            *this.saving = Some(Saving {
                response: Some(response),
                headers: Box::pin(async move {
                    let manager = session.manager();
                    manager.finish_there(&session, unsaved).await
                }),
            });
        }
        let Some(saving) = this.saving else {
            return Poll::Pending;
        };
        let saved = ready!(saving.headers.as_mut().poll(context));
        match saving.response.take() {
            Some(response) => Poll::Ready(Ok(answer(response, saved, manager, on_error))),
            // Polled after it was ready, which `Future` leaves to us.
            None => Poll::Pending,
        }
    }
}

fn answer<T, B>(
    response: Response<B>,
    saved: Result<ResponseHeaders, SessionError>,
    manager: &Inner<T>,
    on_error: &impl OnError<B>,
) -> Response<B>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    let mut said = response
        .extensions()
        .get::<Said>()
        .cloned()
        .unwrap_or_default();
    let error = response.extensions().get::<SessionError>().cloned();
    let is_of_a_session = error.is_some();
    let mut response = match (&saved, error) {
        (Err(error), _) => on_error.respond(error, None),
        (Ok(_), Some(error)) => on_error.respond(&error, Some(response)),
        (Ok(_), None) => response,
    };
    // Another response, which has not heard what the other sessions said.
    if response.extensions().get::<Said>().is_none() {
        for headers in said.each() {
            headers.insert_into(response.headers_mut());
        }
    }
    let headers = match saved {
        // Of another session, whose response said so.
        Ok(headers) if headers.is_empty() && is_of_a_session && !says_so(&response) => {
            manager.failure_headers()
        }
        Ok(headers) => headers,
        Err(_) => manager.failure_headers(),
    };
    headers.insert_into(response.headers_mut());
    said.add(headers);
    if !said.is_empty() {
        response.extensions_mut().insert(said);
    }
    response
}

/// Whether it says that it depends on a cookie.
fn says_so<B>(response: &Response<B>) -> bool {
    let mut vary = response.headers().get_all(VARY).iter();
    vary.any(|name| name == "Cookie")
}

impl<F, T, E, B> fmt::Debug for ResponseFuture<F, T, E, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "testing"))]
#[allow(clippy::unwrap_used, reason = "a test's handler")]
mod tests {
    use core::convert::Infallible;

    use http::{
        Request,
        header::{CACHE_CONTROL, SET_COOKIE},
    };
    use serde::{Deserialize, Serialize};
    use tower_layer::Layer;
    use tower_service::Service;

    use super::*;
    use crate::{
        adapters::tower_0_3::SessionLayer, cookie::CookieConfig, manager::SessionManager,
        payload::values::Values, testing,
    };

    /// Another session's type.
    #[derive(Default, Serialize, Deserialize)]
    struct Prefs(u8);

    impl SessionData for Prefs {}

    /// A handler.
    #[derive(Clone)]
    struct Handler<F>(F);

    impl<F, R> Service<Request<()>> for Handler<F>
    where
        F: FnMut(Request<()>) -> R,
        R: Future<Output = Result<Response<String>, Infallible>>,
    {
        type Response = Response<String>;
        type Error = Infallible;
        type Future = R;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<()>) -> R {
            (self.0)(request)
        }
    }

    /// Renews one session, and makes the other too large for its cookie.
    async fn renew_and_flood(request: Request<()>) -> Result<Response<String>, Infallible> {
        let prefs = request.extensions().get::<Session<Prefs>>().unwrap();
        prefs.log_in("ada").await.unwrap();
        let values = request.extensions().get::<Session<Values>>().unwrap();
        let mut noise = [0; 8_192];
        getrandom::fill(&mut noise).unwrap();
        let noise: String = noise
            .iter()
            .map(|byte| char::from(b'a' + byte % 26))
            .collect();
        values
            .change(|values| values.insert("noise", &noise).unwrap())
            .await
            .unwrap();
        Ok(Response::new("done".to_owned()))
    }

    /// Looks at one session, and answers with an error of it.
    async fn refuse(request: Request<()>) -> Result<Response<String>, Infallible> {
        let prefs = request.extensions().get::<Session<Prefs>>().unwrap();
        prefs.read(|_| ()).await.unwrap();
        let mut response = Response::new("refused".to_owned());
        response.extensions_mut().insert(SessionError::NoStore);
        Ok(response)
    }

    #[test]
    fn a_session_that_was_saved_reaches_the_client_though_another_cannot_be() {
        let prefs = CookieConfig::named("__Host-prefs").build().unwrap();
        let codec = testing::codec();
        let inner = SessionManager::<Prefs>::builder(codec).cookie(prefs);
        let inner = SessionLayer::new(inner.build().unwrap());
        let outer = SessionLayer::new(testing::manager::<Values>());
        let mut service = outer.layer(inner.layer(Handler(renew_and_flood)));
        let response = testing::block_on(service.call(Request::new(()))).unwrap();
        assert_eq!(
            (response.status().as_u16(), response.body().as_str()),
            (413, "")
        );
        let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().collect();
        assert_eq!(cookies.len(), 1);
        assert!(cookies[0].to_str().unwrap().starts_with("__Host-prefs=A"));
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }

    #[test]
    fn a_page_for_another_sessions_error_says_that_it_depends_on_a_cookie() {
        let inner = SessionLayer::new(testing::manager::<Prefs>());
        let outer = SessionLayer::new(testing::manager::<Values>());
        let page = |_: &SessionError| Response::new("sorry".to_owned());
        let mut shaped = outer
            .clone()
            .on_error(page)
            .layer(inner.layer(Handler(refuse)));
        let mut bare = outer.layer(inner.layer(Handler(refuse)));
        let answers = [
            ("sorry", testing::block_on(shaped.call(Request::new(())))),
            ("refused", testing::block_on(bare.call(Request::new(())))),
        ];
        for (body, response) in answers {
            let response = response.unwrap();
            assert_eq!(response.body(), body);
            let vary: Vec<_> = response.headers().get_all(VARY).iter().collect();
            assert_eq!(vary, ["Cookie"], "{body}");
            assert_eq!(response.headers()[CACHE_CONTROL], "private, no-cache");
        }
    }
}
