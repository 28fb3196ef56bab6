//! Configure, save, and answer.

use core::fmt;
use std::sync::Arc;

use rocket::{
    Build, Request, Response, Rocket,
    fairing::{self, Fairing, Info, Kind},
    http::Header,
    response::{self, Responder},
};

use super::{
    guard::{Installed, made_for},
    respond::{keep_said, plain, said, take_failure},
};
use crate::{
    manager::{ResponseHeaders, SessionError, SessionManager, TARGETED},
    payload::SessionData,
};

/// Gives requests a session, and responses what it has to say.
///
/// For sessions of two types, attach two. A second one for the same type fails the launch.
pub struct SessionFairing<T> {
    manager: SessionManager<T>,
    on_error: Option<OnError>,
}

/// What the application makes of an error.
type OnError =
    Arc<dyn for<'r> Fn(&SessionError, &'r Request<'_>) -> response::Result<'static> + Send + Sync>;

impl<T> SessionFairing<T> {
    /// A fairing that answers with the error's own response, where a session cannot be
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
    /// It is asked when saving fails, and when a handler or a guard fails with a
    /// [`SessionError`]; not when a handler makes an error of its own of it.
    ///
    /// ```
    /// use rocket::http::Status;
    /// use sealed_session::{SessionManager, Values, adapters::rocket_0_5::SessionFairing};
    /// use sealed_session::manager::SessionError;
    ///
    /// fn sorry(error: &SessionError) -> (Status, &'static str) {
    ///     (Status::new(error.status()), "Back in a minute.")
    /// }
    ///
    /// # fn fairing(manager: SessionManager<Values>) {
    /// let fairing = SessionFairing::new(manager).on_error(sorry);
    /// # }
    /// ```
    #[must_use]
    pub fn on_error<R>(
        mut self,
        respond: impl Fn(&SessionError) -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: for<'r> Responder<'r, 'static>,
    {
        self.on_error = Some(Arc::new(move |error, request| {
            respond(error).respond_to(request)
        }));
        self
    }
}

#[rocket::async_trait]
impl<T> Fairing for SessionFairing<T>
where
    T: SessionData + Default + Send + Sync + 'static,
{
    fn info(&self) -> Info {
        Info {
            name: "sealed sessions",
            kind: Kind::Ignite | Kind::Response,
        }
    }

    async fn on_ignite(&self, rocket: Rocket<Build>) -> fairing::Result {
        if rocket.state::<Installed<T>>().is_some() {
            return Err(rocket);
        }
        Ok(rocket.manage(Installed(self.manager.clone())))
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let status = response.status().code;
        let mut headers = match made_for::<T>(request) {
            None => ResponseHeaders::default(),
            Some(session) => match self.manager.finish(session.clone(), status).await {
                Ok(headers) => headers,
                Err(error) => {
                    let page = match &self.on_error {
                        Some(respond) => respond(&error, request),
                        None => plain(&error, request),
                    };
                    replace(response, page);
                    say_again(request, response);
                    return append_to(&self.manager.failure_headers(), response);
                }
            },
        };
        // Errors are 4xx and 5xx: no other response is looked up.
        if status >= 400
            && let Some(respond) = &self.on_error
            && let Some(error) = take_failure(request)
        {
            replace(response, respond(&error, request));
            say_again(request, response);
            if headers.is_empty() {
                // Of another session, whose response said so.
                headers = self.manager.failure_headers();
            }
        }
        append_to(&headers, response);
        keep_said(request, headers);
    }
}

impl<T> fmt::Debug for SessionFairing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFairing")
            .field("manager", &self.manager)
            .finish_non_exhaustive()
    }
}

/// Headers of a withdrawn response that would lie about another: they describe its content,
/// or say that what was asked for has been done. What begins with `content-` does, too,
/// except the policies.
const WITHDRAWN: [&str; 16] = [
    "accept-ranges",
    "age",
    "cache-control",
    "clear-site-data",
    "etag",
    "expires",
    "hx-location",
    "hx-redirect",
    "last-modified",
    "link",
    "location",
    "refresh",
    "set-cookie",
    "transfer-encoding",
    "x-accel-redirect",
    "x-sendfile",
];

/// Puts a page into a response's place, upgrades and all.
fn replace(response: &mut Response<'_>, page: response::Result<'static>) {
    let page = page.unwrap_or_else(|status| Response::build().status(status).finalize());
    let withdrawn = core::mem::replace(response, page);
    for header in withdrawn.headers().iter() {
        let name = header.name().as_str().to_ascii_lowercase();
        let describes = name.starts_with("content-") && !name.starts_with("content-security-");
        let withdrawn = WITHDRAWN.contains(&name.as_str())
            || TARGETED.iter().any(|(targeted, _)| *targeted == name);
        if !describes && !withdrawn && !response.headers().contains(&name) {
            response.adjoin_header(Header::new(name, header.value().to_owned()));
        }
    }
}

/// Hands out with the page what other sessions have handed out with the response.
fn say_again(request: &Request<'_>, response: &mut Response<'_>) {
    for headers in said(request).each() {
        append_to(headers, response);
    }
}

/// Does to a response what [`ResponseHeaders::apply`] says.
fn append_to(said: &ResponseHeaders, response: &mut Response<'_>) {
    let response = core::cell::RefCell::new(response);
    said.apply(
        |name| response.borrow().headers().contains(name),
        |name, value| {
            let (name, value) = (name.to_owned(), value.to_owned());
            response.borrow_mut().adjoin_raw_header(name, value);
        },
        |name, value| {
            let (name, value) = (name.to_owned(), value.to_owned());
            response.borrow_mut().set_raw_header(name, value);
        },
    );
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use rocket::{
        error::ErrorKind, get, http::Status, local::blocking::Client, response::Redirect, routes,
    };
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{
        codec::EncryptedCodec,
        expiry::Policy,
        keys::{Key, KeyRing},
        session::Session,
    };

    #[derive(Serialize, Deserialize, Default)]
    struct Notes(Vec<u8>);
    impl SessionData for Notes {}

    fn fairing() -> SessionFairing<Notes> {
        let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
        let hour = Duration::from_hours(1);
        let codec = EncryptedCodec::builder("test", keys, Policy::new(hour, hour).unwrap());
        SessionFairing::new(SessionManager::builder(codec).build().unwrap())
    }

    fn application() -> Rocket<Build> {
        let quiet = rocket::Config::figment().merge(("log_level", "off"));
        rocket::custom(quiet).mount("/", routes![full, enter, panics, refuses, shared])
    }

    fn sorry(_: &SessionError) -> (Status, &'static str) {
        (Status::ImATeapot, "sorry")
    }

    #[get("/full")]
    async fn full(session: Session<Notes>) -> Result<(Status, Redirect), SessionError> {
        let mut noise = vec![0; 5_000];
        getrandom::fill(&mut noise).unwrap();
        session.change(|notes| notes.0 = noise).await?;
        Ok((Status::SeeOther, Redirect::to("/done")))
    }

    #[get("/enter")]
    async fn enter(session: Session<Notes>) -> Result<(), SessionError> {
        session.log_in("ada").await?;
        Err(SessionError::NoStore)
    }

    #[get("/panics")]
    async fn panics(session: Session<Notes>) -> Result<(), SessionError> {
        session.change(|notes| notes.0.push(1)).await?;
        panic!("as the test wants it")
    }

    #[get("/refuses")]
    async fn refuses(session: Session<Notes>) -> (Status, &'static str) {
        let _ = session.read(|_| ()).await;
        (Status::Forbidden, "not you")
    }

    #[get("/shared?<large>")]
    async fn shared(session: Session<Notes>, large: bool) -> Result<Shared, SessionError> {
        session.log_in("ada").await?;
        let mut noise = vec![0; if large { 5_000 } else { 50 }];
        getrandom::fill(&mut noise).unwrap();
        session.change(|notes| notes.0 = noise).await?;
        Ok(Shared("", Header::new("CDN-Cache-Control", "max-age=60")))
    }

    /// Something to keep for a minute.
    #[derive(rocket::Responder)]
    struct Shared(&'static str, Header<'static>);

    /// The status, the body, and the number of cookies.
    fn told(client: &Client, path: &str) -> (u16, String, usize) {
        let response = client.get(path.to_owned()).dispatch();
        let cookies = response.headers().get("set-cookie").count();
        let status = response.status().code;
        (status, response.into_string().unwrap_or_default(), cookies)
    }

    #[test]
    fn a_session_that_does_not_fit_replaces_the_response() {
        let client = Client::untracked(application().attach(fairing())).unwrap();
        let response = client.get("/full").dispatch();
        assert_eq!(response.status(), Status::PayloadTooLarge);
        assert!(!response.headers().contains("location"));
        assert!(response.headers().contains("x-content-type-options"));
        assert_eq!(
            told(&client, "/full"),
            (413, "the session is too large".to_owned(), 0)
        );
        let client = Client::untracked(application().attach(fairing().on_error(sorry))).unwrap();
        assert_eq!(told(&client, "/full"), (418, "sorry".to_owned(), 0));
    }

    #[test]
    fn what_other_headers_tell_shared_caches_does_not_reach_them_with_a_token() {
        let client = Client::untracked(application().attach(fairing())).unwrap();
        let told = |path: &'static str| {
            let response = client.get(path).dispatch();
            ["cache-control", "cdn-cache-control", "surrogate-control"]
                .map(|name| response.headers().get(name).collect::<Vec<_>>().join("|"))
        };
        assert_eq!(told("/shared?large=no"), ["no-store", "no-store", ""]);
        // Nor do they reach them with the error in its place.
        assert_eq!(told("/shared?large=yes"), ["private, no-cache", "", ""]);
    }

    #[test]
    fn f1_login_does_not_hold_where_the_handler_fails() {
        let client = Client::untracked(application().attach(fairing())).unwrap();
        let plain = SessionError::NoStore.client_message().to_owned();
        assert_eq!(told(&client, "/enter"), (503, plain, 0));
        let client = Client::untracked(application().attach(fairing().on_error(sorry))).unwrap();
        assert_eq!(told(&client, "/enter"), (418, "sorry".to_owned(), 0));
        // Other answers are the handler's own.
        assert_eq!(told(&client, "/refuses"), (403, "not you".to_owned(), 0));
        let (status, _, cookies) = told(&client, "/panics");
        assert_eq!((status, cookies), (500, 0));
    }

    #[test]
    fn an_application_without_the_fairing_or_with_two_does_not_launch() {
        let error = Client::untracked(application()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::SentinelAborts(_)));
        let twice = application().attach(fairing()).attach(fairing());
        let error = Client::untracked(twice).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::FailedFairings(_)));
    }
}
