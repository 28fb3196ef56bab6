//! Answer.

use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::rc::Rc;

use actix_web::{
    Error, HttpResponse, ResponseError, body::EitherBody, dev::ServiceResponse,
    error::InternalError,
};
use pin_project_lite::pin_project;

use super::{SessionMiddleware, insert_into, middleware::OnError};
use crate::{
    adapters::said::Said,
    manager::{Finish, Inner, ResponseHeaders, SessionError},
    payload::SessionData,
    session::Session,
};

pin_project! {
    /// The response, once its session is saved.
    pub struct ResponseFuture<F, T, B> {
        #[pin]
        handler: F,
        session: Session<T>,
        middleware: Rc<SessionMiddleware<T>>,
        is_handled: bool,
        saving: Option<Saving<B>>,
    }
}

/// A response whose session is being saved.
struct Saving<B> {
    handled: Option<Handled<B>>,
    // Only where the store has a say in it: all others are saved without a future.
    headers: Pin<Box<dyn Future<Output = Result<ResponseHeaders, SessionError>>>>,
}

type Handled<B> = Result<ServiceResponse<B>, Error>;

impl<F, T, B> ResponseFuture<F, T, B> {
    pub(super) fn new(
        handler: F,
        session: Session<T>,
        middleware: Rc<SessionMiddleware<T>>,
    ) -> Self {
        Self {
            handler,
            session,
            middleware,
            is_handled: false,
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
        let (session, on_error) = (this.session, this.middleware.on_error.as_ref());
        let manager = session.manager();
        if !*this.is_handled {
            let handled = ready!(this.handler.poll(context));
            *this.is_handled = true;
            if session.close_if_unread() {
                let nothing = ResponseHeaders::default();
                return Poll::Ready(answer(handled, nothing, on_error, manager));
            }
            let status = match &handled {
                Ok(response) => response.status(),
                Err(error) => error.as_response_error().status_code(),
            };
            let unsaved = match manager.finish_here(session, status.as_u16()) {
                Ok(Finish::Unsaved(unsaved)) => unsaved,
                Ok(Finish::Done(headers)) => {
                    return Poll::Ready(answer(handled, headers, on_error, manager));
                }
                Err(error) => {
                    let headers = manager.failure_headers();
                    return Poll::Ready(fail(handled, error, headers, on_error));
                }
            };
            let session = session.clone();
            *this.saving = Some(Saving {
                handled: Some(handled),
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
        match saving.handled.take() {
            Some(handled) => Poll::Ready(match saved {
                Ok(headers) => answer(handled, headers, on_error, manager),
                Err(error) => fail(handled, error, manager.failure_headers(), on_error),
            }),
            // Polled after it was ready, which `Future` leaves to us.
            None => Poll::Pending,
        }
    }
}

/// The session is saved.
fn answer<B, T>(
    handled: Handled<B>,
    headers: ResponseHeaders,
    on_error: Option<&OnError>,
    manager: &Inner<T>,
) -> Handled<EitherBody<B>>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    let error = match &handled {
        Ok(response) => response.response().error(),
        Err(error) => Some(error),
    };
    let error = error.and_then(Error::as_error::<SessionError>);
    let page = on_error.zip(error).map(|(respond, error)| respond(error));
    let headers = if page.is_some() && headers.is_empty() {
        // Of another session, whose response said so.
        manager.failure_headers()
    } else {
        headers
    };
    match (handled, page) {
        (Ok(mut response), None) => {
            say(headers, None, response.response_mut());
            Ok(response.map_into_left_body())
        }
        (Ok(response), Some(page)) => Ok(replace(response, page, headers)),
        (Err(error), None) if headers.is_empty() => Err(error),
        (Err(error), page) => {
            let own = error.error_response();
            let said = page.is_some().then(|| said_by(&own));
            let mut page = page.unwrap_or(own);
            say(headers, said, &mut page);
            Err(InternalError::from_response(error, page).into())
        }
    }
}

/// The session cannot be saved, so that the response must not go out.
fn fail<B>(
    handled: Handled<B>,
    error: SessionError,
    headers: ResponseHeaders,
    on_error: Option<&OnError>,
) -> Handled<EitherBody<B>> {
    let mut page: HttpResponse = match on_error {
        Some(respond) => respond(&error),
        None => error.error_response(),
    };
    match handled {
        Ok(response) => Ok(replace(response, page, headers)),
        Err(replaced) => {
            let said = said_by(&replaced.error_response());
            say(headers, Some(said), &mut page);
            Err(InternalError::from_response(error, page).into())
        }
    }
}

/// Another page in the place of a response.
fn replace<B>(
    response: ServiceResponse<B>,
    mut page: HttpResponse,
    headers: ResponseHeaders,
) -> ServiceResponse<EitherBody<B>> {
    say(headers, Some(said_by(response.response())), &mut page);
    response.into_response(page).map_into_right_body()
}

/// What other sessions have handed out with that response.
fn said_by<B>(response: &HttpResponse<B>) -> Said {
    let said = response.extensions().get().cloned();
    said.unwrap_or_default()
}

/// Says in a response what its session has to say, and what other sessions had handed out
/// with a response in whose place it stands.
fn say<B>(headers: ResponseHeaders, replaced: Option<Said>, response: &mut HttpResponse<B>) {
    if headers.is_empty() && replaced.is_none() {
        return;
    }
    for lost in replaced.iter().flat_map(Said::each) {
        insert_into(lost, response.headers_mut());
    }
    insert_into(&headers, response.headers_mut());
    let mut said = replaced.unwrap_or_else(|| said_by(response));
    said.add(headers);
    if !said.is_empty() {
        response.extensions_mut().insert(said);
    }
}

impl<F, T, B> fmt::Debug for ResponseFuture<F, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        body::{BoxBody, MessageBody},
        dev::{Service, ServiceRequest},
        error::ErrorForbidden,
        http::header,
        middleware::{Next, from_fn},
        rt::System,
        test::{TestRequest, init_service},
        web,
    };
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{
        adapters::actix_web_4::{OptionalSession, SessionMiddleware},
        codec::EncryptedCodec,
        cookie::CookieConfig,
        expiry::Policy,
        keys::{Key, KeyRing},
        manager::SessionManager,
    };

    #[derive(Serialize, Deserialize, Default)]
    struct Notes(Vec<u8>);
    impl SessionData for Notes {}

    /// Another session's type.
    #[derive(Serialize, Deserialize, Default)]
    struct Prefs(Vec<u8>);
    impl SessionData for Prefs {}

    type Either = EitherBody<BoxBody>;

    const PAGE: &str = "the application's own page";

    fn middleware() -> SessionMiddleware<Notes> {
        middleware_of("__Host-notes")
    }

    fn middleware_of<T>(name: &str) -> SessionMiddleware<T>
    where
        T: SessionData + Default + Send + Sync + 'static,
    {
        let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
        let hour = core::time::Duration::from_hours(1);
        let codec = EncryptedCodec::builder("test", keys, Policy::new(hour, hour).unwrap());
        let cookie = CookieConfig::named(name).build().unwrap();
        let manager = SessionManager::builder(codec).cookie(cookie);
        SessionMiddleware::new(manager.build().unwrap())
    }

    fn noise() -> Vec<u8> {
        let mut noise = vec![0; 5_000];
        getrandom::fill(&mut noise).unwrap();
        noise
    }

    fn page(error: &SessionError) -> HttpResponse {
        HttpResponse::build(error.status_code()).body(PAGE)
    }

    /// The status, the body and the cookies of a response, or of the error in its place.
    async fn told(
        answered: Result<ServiceResponse<impl MessageBody + 'static>, Error>,
    ) -> (u16, String, usize) {
        let response = match answered {
            Ok(response) => response.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        let (status, cookies) = (response.status().as_u16(), header::SET_COOKIE);
        let cookies = response.headers().get_all(cookies).count();
        let body = actix_web::body::to_bytes(response.into_body()).await;
        let Ok(body) = body else { panic!("a body") };
        (status, String::from_utf8(body.to_vec()).unwrap(), cookies)
    }

    /// What an application answers to `GET /`.
    macro_rules! answer {
        ($app:expr) => {
            System::new().block_on(async {
                let app = init_service($app).await;
                told(app.call(TestRequest::default().to_request()).await).await
            })
        };
    }

    /// A middleware that logs in and fails.
    async fn enter_and_forbid(
        session: Session<Notes>,
        _: ServiceRequest,
        _: Next<BoxBody>,
    ) -> Result<ServiceResponse, Error> {
        session.log_in("ada").await?;
        Err(ErrorForbidden("not you"))
    }

    #[test]
    fn what_a_middleware_further_inside_fails_with_is_a_response() {
        let app = App::new()
            .route("/", web::get().to(async || "not reached"))
            .wrap(from_fn(enter_and_forbid))
            .wrap(middleware());
        assert_eq!(answer!(app), (403, "not you".to_owned(), 1));

        let app = App::new()
            .route("/", web::get().to(async || "not reached"))
            .wrap(from_fn(async |_: ServiceRequest, _: Next<BoxBody>| {
                Err::<ServiceResponse, _>(SessionError::NoStore.into())
            }))
            .wrap(middleware().on_error(page));
        assert_eq!(answer!(app), (503, PAGE.to_owned(), 0));
    }

    #[test]
    fn f1_login_does_not_hold_where_the_handler_fails() {
        async fn handler(session: Session<Notes>) -> Result<String, SessionError> {
            session.log_in("ada").await?;
            Err(SessionError::NoStore)
        }
        let app = || App::new().route("/", web::get().to(handler));
        let plain = SessionError::NoStore.client_message().to_owned();
        assert_eq!(answer!(app().wrap(middleware())), (503, plain, 0));
        let app = app().wrap(middleware().on_error(page));
        assert_eq!(answer!(app), (503, PAGE.to_owned(), 0));
    }

    #[test]
    fn a_session_that_does_not_fit_replaces_the_response() {
        async fn handler(session: Session<Notes>) -> Result<HttpResponse, SessionError> {
            session.change(|notes| notes.0 = noise()).await?;
            let done = (header::SET_COOKIE, "done=yes");
            Ok(HttpResponse::Ok().append_header(done).body("saved"))
        }
        let app = || App::new().route("/", web::get().to(handler));
        let plain = "the session is too large".to_owned();
        assert_eq!(answer!(app().wrap(middleware())), (413, plain, 0));
        let app = app().wrap(middleware().on_error(page));
        assert_eq!(answer!(app), (413, PAGE.to_owned(), 0));
    }

    #[test]
    fn a_page_hands_out_what_another_session_has_saved_that_it_knows_nothing_of() {
        async fn handler(session: Session<Notes>) -> Result<String, SessionError> {
            session.log_in("ada").await?;
            Err(SessionError::Conflict)
        }
        // The other one is not looked at, but has a page for a session's error.
        let app = App::new()
            .route("/", web::get().to(handler))
            .wrap(middleware())
            .wrap(middleware_of::<Prefs>("__Host-prefs").on_error(page));
        assert_eq!(answer!(app), (409, PAGE.to_owned(), 1));

        // It cannot be saved, and the response that it replaces is an error's.
        let app = App::new()
            .route("/", web::get().to(async || "not reached"))
            .wrap(from_fn(enter_and_forbid))
            .wrap(middleware())
            .wrap(from_fn(
                async |session: Session<Prefs>, request: ServiceRequest, next: Next<Either>| {
                    session.change(|prefs| prefs.0 = noise()).await?;
                    next.call(request).await
                },
            ))
            .wrap(middleware_of::<Prefs>("__Host-prefs").on_error(page));
        assert_eq!(answer!(app), (413, PAGE.to_owned(), 1));
    }

    #[test]
    fn a_page_for_another_sessions_error_says_that_it_depends_on_a_cookie() {
        async fn handler(session: Session<Notes>) -> Result<String, SessionError> {
            session.read(|_| ()).await?;
            Err(SessionError::NoStore)
        }
        let app = App::new()
            .route("/", web::get().to(handler))
            .wrap(middleware())
            .wrap(middleware_of::<Prefs>("__Host-prefs").on_error(page));
        let headers = System::new().block_on(async {
            let app = init_service(app).await;
            let response = app.call(TestRequest::default().to_request()).await;
            response.unwrap().into_parts().1.headers().clone()
        });
        assert_eq!(headers.get("vary").unwrap(), "Cookie");
        assert_eq!(headers.get("cache-control").unwrap(), "private, no-cache");
    }

    #[test]
    fn a_route_without_the_middleware_is_an_error() {
        let app = App::new().route("/", web::get().to(async |_: Session<Notes>| ""));
        assert_eq!(answer!(app).0, 500);
        let app = App::new().route("/", web::get().to(async |_: OptionalSession<Notes>| ""));
        assert_eq!(answer!(app).0, 500);
    }
}
