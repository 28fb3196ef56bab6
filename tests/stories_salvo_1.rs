//! The HTTP stories, told by salvo 1, and what only salvo has.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

mod stories;

use std::sync::Arc;

use salvo_core::{
    conn::tcp::TcpAcceptor,
    http::{ResBody, header},
    hyper::upgrade::OnUpgrade,
    prelude::*,
    rt::tokio::TokioIo,
};
use sealed_session::{
    Session,
    adapters::salvo_1::{OptionalSession, SessionHoop},
    manager::SessionError,
    testing::block_on,
};
use stories::{App, FOR_CACHES, Prefs, SORRY, Server, Shop, param};

tell_all!(serve);

type Answer = Result<String, SessionError>;

fn serve(app: App) -> Server {
    Server::with_tokio(|listener, stop| async {
        let stopped = async {
            let _ = stop.await;
        };
        let acceptor = TcpAcceptor::try_from(listener).unwrap();
        let serving = salvo_core::Server::new(acceptor).try_serve(router(app));
        tokio::select! {
            served = serving => served.unwrap(),
            () = stopped => {}
        }
    })
}

fn router(app: App) -> Router {
    Router::new()
        .hoop(SessionHoop::new(app.prefs.clone()))
        .hoop(SessionHoop::new(app.shop.clone()).on_error(sorry))
        .hoop(Inject(app))
        .get(welcome)
        // Salvo answers HEAD where a route says so.
        .push(Router::with_path("cart").get(cart).head(cart))
        .push(Router::with_path("add").post(add))
        .push(Router::with_path("clear").post(clear))
        .push(Router::with_path("login").post(login))
        .push(Router::with_path("logout").post(logout))
        .push(Router::with_path("everywhere").post(everywhere))
        .push(Router::with_path("whoami").get(whoami))
        .push(Router::with_path("slow").post(slow))
        .push(Router::with_path("answer/{status}").post(answer))
        .push(Router::with_path("enter/{status}").post(enter))
        .push(Router::with_path("panic").post(panic))
        .push(Router::with_path("stream").get(stream))
        .push(Router::with_path("ws").get(ws))
        .push(Router::with_path("redirect").post(redirect))
        .push(Router::with_path("shared").post(shared))
        .push(Router::with_path("optional").get(optional))
        .push(Router::with_path("theme").get(theme).post(set_theme))
        .push(Router::with_path("both").post(both))
}

fn sorry(error: &SessionError, response: &mut Response) {
    match error {
        SessionError::Unavailable(_) => response.render(SORRY),
        error => response.render(error.client_message()),
    }
}

/// Gives the application to its handlers.
struct Inject(App);

#[async_trait]
impl Handler for Inject {
    async fn handle(&self, _: &mut Request, depot: &mut Depot, _: &mut Response, _: &mut FlowCtrl) {
        depot.insert_typed(self.0.clone());
    }
}

#[handler]
fn welcome() -> &'static str {
    "welcome"
}

#[handler]
async fn cart(session: Session<Shop>) -> Answer {
    App::cart(&session).await
}

#[handler]
async fn add(session: Session<Shop>, req: &mut Request) -> Answer {
    App::add(&session, &param(req.uri().query(), "item")).await
}

#[handler]
async fn clear(session: Session<Shop>) -> Answer {
    App::clear(&session).await
}

#[handler]
async fn login(session: Session<Shop>, req: &mut Request) -> Answer {
    App::login(&session, &param(req.uri().query(), "user")).await
}

#[handler]
async fn logout(session: Session<Shop>) -> Answer {
    App::logout(&session).await
}

#[handler]
async fn everywhere(depot: &mut Depot, req: &mut Request) -> Answer {
    let app = depot.get_typed::<App>().unwrap();
    app.everywhere(&param(req.uri().query(), "user")).await
}

#[handler]
async fn whoami(session: Session<Shop>) -> Answer {
    App::whoami(&session).await
}

#[handler]
async fn slow(session: Session<Shop>, depot: &mut Depot, req: &mut Request) -> Answer {
    let app = depot.get_typed::<App>().unwrap();
    app.slow(&session, &param(req.uri().query(), "item")).await
}

#[handler]
async fn answer(
    session: Session<Shop>,
    req: &mut Request,
) -> Result<(StatusCode, String), SessionError> {
    let body = App::add(&session, &param(req.uri().query(), "item")).await?;
    Ok((status(req), body))
}

#[handler]
async fn enter(
    session: Session<Shop>,
    req: &mut Request,
) -> Result<(StatusCode, String), SessionError> {
    let body = App::login(&session, &param(req.uri().query(), "user")).await?;
    Ok((status(req), body))
}

fn status(request: &Request) -> StatusCode {
    StatusCode::from_u16(request.param("status").unwrap()).unwrap()
}

#[handler]
async fn panic(session: Session<Shop>, req: &mut Request) -> Answer {
    App::add(&session, &param(req.uri().query(), "item")).await?;
    panic!("as the story wants it")
}

#[handler]
async fn stream(
    session: Session<Shop>,
    req: &mut Request,
    res: &mut Response,
) -> Result<(), SessionError> {
    App::add(&session, &param(req.uri().query(), "item")).await?;
    let mut sender = res.channel();
    tokio::spawn(async move {
        for chunk in ["one ", "two ", "three"] {
            let _ = sender.send_data(chunk).await;
        }
    });
    Ok(())
}

/// Sends back what it receives, frames and all.
#[handler]
async fn ws(
    session: Session<Shop>,
    req: &mut Request,
    res: &mut Response,
) -> Result<(), SessionError> {
    App::add(&session, &param(req.uri().query(), "item")).await?;
    let upgrade = req.extensions_mut().remove::<OnUpgrade>().unwrap();
    tokio::spawn(async move {
        let upgraded = TokioIo::new(upgrade.await.unwrap());
        let (mut reader, mut writer) = tokio::io::split(upgraded);
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    });
    res.status_code(StatusCode::SWITCHING_PROTOCOLS);
    let headers = res.headers_mut();
    headers.insert(header::CONNECTION, "upgrade".parse().unwrap());
    headers.insert(header::UPGRADE, "websocket".parse().unwrap());
    Ok(())
}

#[handler]
async fn redirect(session: Session<Shop>, req: &mut Request) -> Result<Redirect, SessionError> {
    App::add(&session, &param(req.uri().query(), "item")).await?;
    Ok(Redirect::other("/cart"))
}

#[handler]
async fn shared(session: Session<Shop>, req: &mut Request, res: &mut Response) -> Answer {
    for (name, value) in FOR_CACHES {
        res.headers_mut().insert(name, value.parse().unwrap());
    }
    App::add(&session, &param(req.uri().query(), "item")).await
}

#[handler]
fn optional(session: OptionalSession<Shop>) -> &'static str {
    session.0.map_or("none", |_| "some")
}

#[handler]
async fn theme(session: Session<Prefs>) -> Answer {
    App::theme(&session).await
}

#[handler]
async fn set_theme(session: Session<Prefs>, req: &mut Request) -> Answer {
    App::set_theme(&session, &param(req.uri().query(), "value")).await
}

#[handler]
async fn both(shop: Session<Shop>, prefs: Session<Prefs>, req: &mut Request) -> Answer {
    App::add(&shop, &param(req.uri().query(), "item")).await?;
    App::set_theme(&prefs, &param(req.uri().query(), "theme")).await
}

/// Uses the session, sets a header, and ends the chain for good.
#[handler]
async fn cease(session: Session<Shop>, res: &mut Response, ctrl: &mut FlowCtrl) -> Answer {
    res.headers_mut()
        .insert("x-inside", header::HeaderValue::from_static("1"));
    ctrl.cease();
    App::add(&session, "book").await
}

/// Fills the session with more than a cookie holds.
#[handler]
async fn grow(session: Session<Shop>, res: &mut Response) -> Result<Redirect, SessionError> {
    res.headers_mut()
        .insert("x-inside", header::HeaderValue::from_static("1"));
    let items: Vec<String> = (0..9_000_u32).map(|it| it.to_string()).collect();
    session.change(|shop| shop.cart = items).await?;
    Ok(Redirect::other("/cart"))
}

/// Logs in, and fails with a session's error.
#[handler]
async fn enter_and_fail(session: Session<Shop>) -> Answer {
    App::login(&session, "ada").await?;
    Err(SessionError::Conflict)
}

/// As [`enter_and_fail`], with a page of its own.
#[handler]
async fn enter_and_explain(session: Session<Shop>, res: &mut Response) {
    if let Err(error) = enter_and_fail::enter_and_fail(session).await {
        res.render(error);
        res.render("because");
    }
}

#[handler]
fn outside(res: &mut Response) {
    res.headers_mut()
        .insert("x-outside", header::HeaderValue::from_static("1"));
}

/// What those answer to a request without anything.
fn answered(handlers: Vec<Arc<dyn Handler>>) -> Response {
    let (mut request, mut depot) = (Request::new(), Depot::new());
    let mut response = Response::new();
    let mut ctrl = FlowCtrl::new(handlers);
    block_on(ctrl.call_next(&mut request, &mut depot, &mut response));
    response
}

fn hoop() -> SessionHoop<Shop> {
    SessionHoop::new(App::without_store().shop)
}

fn cookies(response: &Response) -> usize {
    response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .count()
}

#[test]
fn a_handler_that_ceases_is_saved() {
    let response = answered(vec![Arc::new(hoop()), Arc::new(cease), Arc::new(cart)]);
    assert_eq!(cookies(&response), 1);
    assert!(response.headers().contains_key("x-inside"));
    assert!(matches!(response.body, ResBody::Once(text) if text == "added"));
}

#[test]
fn a_session_that_cannot_be_saved_leaves_nothing_of_what_handlers_said() {
    let own = |error: &SessionError, response: &mut Response| {
        assert!(matches!(error, SessionError::Seal(_)));
        response.render("too much");
    };
    for shaped in [false, true] {
        let hoop = if shaped { hoop().on_error(own) } else { hoop() };
        let response = answered(vec![Arc::new(outside), Arc::new(hoop), Arc::new(grow)]);
        assert_eq!(response.status_code, Some(StatusCode::PAYLOAD_TOO_LARGE));
        let names: Vec<_> = response.headers().keys().collect();
        if shaped {
            assert_eq!(
                names,
                ["x-outside", "content-type", "vary", "cache-control"]
            );
            assert!(matches!(response.body, ResBody::Once(text) if text == "too much"));
        } else {
            assert_eq!(names, ["x-outside", "vary", "cache-control"]);
            let ResBody::Error(page) = response.body else {
                panic!("not for the catcher")
            };
            assert_eq!(page.brief, "the session is too large");
        }
    }
}

#[test]
fn a_login_before_a_sessions_error_is_saved_and_the_application_answers() {
    let response = answered(vec![Arc::new(hoop()), Arc::new(enter_and_fail)]);
    assert_eq!(response.status_code, Some(StatusCode::CONFLICT));
    assert_eq!(cookies(&response), 1);
    let shaped = hoop().on_error(|error, response| {
        assert!(matches!(error, SessionError::Conflict));
        response.status_code(StatusCode::IM_A_TEAPOT);
    });
    let response = answered(vec![Arc::new(shaped.clone()), Arc::new(enter_and_fail)]);
    assert_eq!(response.status_code, Some(StatusCode::IM_A_TEAPOT));
    assert_eq!(cookies(&response), 1);
    let response = answered(vec![Arc::new(shaped), Arc::new(enter_and_explain)]);
    assert_eq!(response.status_code, Some(StatusCode::CONFLICT));
    assert!(matches!(response.body, ResBody::Once(text) if text == "because"));
}

#[test]
fn a_route_without_the_hoop_says_so() {
    let response = answered(vec![Arc::new(cart)]);
    let status = Some(StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.status_code, status);
    let ResBody::Error(page) = response.body else {
        panic!("not for the catcher")
    };
    assert!(page.brief.contains("no session hoop"));
}
