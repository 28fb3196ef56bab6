//! The HTTP stories, told by poem 3, and what only poem has.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

mod stories;

use poem::{
    Body, Endpoint, EndpointExt, Error, IntoResponse, Request, Response, Route, get, handler,
    http::{StatusCode, Uri, header},
    listener::TcpAcceptor,
    post,
    web::{Data, Path, Redirect},
};
use sealed_session::{
    Session,
    adapters::poem_3::{MissingMiddleware, OptionalSession, SessionMiddleware},
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
        let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
        let serving = poem::Server::new_with_acceptor(acceptor).run(router(app));
        tokio::select! {
            served = serving => served.unwrap(),
            () = stopped => {}
        }
    })
}

fn router(app: App) -> impl Endpoint {
    Route::new()
        .at("/", get(welcome))
        .at("/cart", get(cart))
        .at("/add", post(add))
        .at("/clear", post(clear))
        .at("/login", post(login))
        .at("/logout", post(logout))
        .at("/everywhere", post(everywhere))
        .at("/whoami", get(whoami))
        .at("/slow", post(slow))
        .at("/answer/:status", post(answer))
        .at("/enter/:status", post(enter))
        .at("/panic", post(panic))
        .at("/stream", get(stream))
        .at("/ws", get(ws))
        .at("/redirect", post(redirect))
        .at("/shared", post(shared))
        .at("/optional", get(optional))
        .at("/theme", get(theme).post(set_theme))
        .at("/both", post(both))
        .with(SessionMiddleware::new(app.shop.clone()).on_error(sorry))
        .with(SessionMiddleware::new(app.prefs.clone()))
        .data(app)
}

fn sorry(error: &SessionError) -> Response {
    let (status, text) = match error {
        SessionError::Unavailable(_) => (503, SORRY),
        error => (error.status(), error.client_message()),
    };
    let status = StatusCode::from_u16(status).unwrap();
    text.with_status(status).into_response()
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
async fn add(session: Session<Shop>, uri: &Uri) -> Answer {
    App::add(&session, &param(uri.query(), "item")).await
}

#[handler]
async fn clear(session: Session<Shop>) -> Answer {
    App::clear(&session).await
}

#[handler]
async fn login(session: Session<Shop>, uri: &Uri) -> Answer {
    App::login(&session, &param(uri.query(), "user")).await
}

#[handler]
async fn logout(session: Session<Shop>) -> Answer {
    App::logout(&session).await
}

#[handler]
async fn everywhere(Data(app): Data<&App>, uri: &Uri) -> Answer {
    app.everywhere(&param(uri.query(), "user")).await
}

#[handler]
async fn whoami(session: Session<Shop>) -> Answer {
    App::whoami(&session).await
}

#[handler]
async fn slow(Data(app): Data<&App>, session: Session<Shop>, uri: &Uri) -> Answer {
    app.slow(&session, &param(uri.query(), "item")).await
}

#[handler]
async fn answer(
    Path(status): Path<u16>,
    session: Session<Shop>,
    uri: &Uri,
) -> Result<Response, SessionError> {
    let body = App::add(&session, &param(uri.query(), "item")).await?;
    let status = StatusCode::from_u16(status).unwrap();
    Ok(body.with_status(status).into_response())
}

#[handler]
async fn enter(
    Path(status): Path<u16>,
    session: Session<Shop>,
    uri: &Uri,
) -> Result<Response, SessionError> {
    let body = App::login(&session, &param(uri.query(), "user")).await?;
    let status = StatusCode::from_u16(status).unwrap();
    Ok(body.with_status(status).into_response())
}

#[handler]
async fn panic(session: Session<Shop>, uri: &Uri) -> Answer {
    App::add(&session, &param(uri.query(), "item")).await?;
    panic!("as the story wants it")
}

#[handler]
async fn stream(session: Session<Shop>, uri: &Uri) -> Result<Body, SessionError> {
    App::add(&session, &param(uri.query(), "item")).await?;
    let (mut writer, reader) = tokio::io::duplex(4);
    tokio::spawn(async move {
        for chunk in ["one ", "two ", "three"] {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut writer, chunk.as_bytes()).await;
        }
    });
    Ok(Body::from_async_read(reader))
}

/// Sends back what it receives, frames and all.
#[handler]
async fn ws(session: Session<Shop>, request: &Request) -> poem::Result<Response> {
    App::add(&session, &param(request.uri().query(), "item")).await?;
    let upgrade = request.take_upgrade()?;
    tokio::spawn(async move {
        let (mut reader, mut writer) = tokio::io::split(upgrade.await.unwrap());
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    });
    let switching = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    Ok(switching
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .finish())
}

#[handler]
async fn redirect(session: Session<Shop>, uri: &Uri) -> Result<Redirect, SessionError> {
    App::add(&session, &param(uri.query(), "item")).await?;
    Ok(Redirect::see_other("/cart"))
}

#[handler]
async fn shared(session: Session<Shop>, uri: &Uri) -> Result<Response, SessionError> {
    let body = App::add(&session, &param(uri.query(), "item")).await?;
    let response = FOR_CACHES
        .iter()
        .fold(Response::builder(), |it, (name, value)| {
            it.header(*name, *value)
        });
    Ok(response.body(body))
}

#[handler]
fn optional(OptionalSession(session): OptionalSession<Shop>) -> &'static str {
    session.map_or("none", |_| "some")
}

#[handler]
async fn theme(session: Session<Prefs>) -> Answer {
    App::theme(&session).await
}

#[handler]
async fn set_theme(session: Session<Prefs>, uri: &Uri) -> Answer {
    App::set_theme(&session, &param(uri.query(), "value")).await
}

#[handler]
async fn both(shop: Session<Shop>, prefs: Session<Prefs>, uri: &Uri) -> Answer {
    App::add(&shop, &param(uri.query(), "item")).await?;
    App::set_theme(&prefs, &param(uri.query(), "theme")).await
}

/// Uses the session, and fails with that status.
#[handler]
async fn fail(Path(status): Path<u16>, session: Session<Shop>) -> poem::Result<()> {
    App::add(&session, "book").await?;
    Err(Error::from_status(StatusCode::from_u16(status).unwrap()))
}

/// Logs in, and fails with a session's error.
#[handler]
async fn enter_and_fail(session: Session<Shop>) -> Answer {
    App::login(&session, "ada").await?;
    Err(SessionError::Conflict)
}

fn request(path: &str) -> Request {
    Request::builder().uri_str(path).finish()
}

fn cookies(response: &Response) -> usize {
    response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .count()
}

#[test]
fn an_error_that_a_handler_returns_saves_as_its_status_says() {
    let app = Route::new()
        .at("/fail/:status", get(fail))
        .with(SessionMiddleware::new(App::new().shop));
    for (status, saved) in [(404, 1), (422, 1), (500, 0), (503, 0)] {
        let response = block_on(app.call(request(&format!("/fail/{status}")))).unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(cookies(&response), saved, "{status}");
    }
}

#[test]
fn a_login_before_a_sessions_error_is_saved_and_the_application_answers() {
    let shop = App::new().shop;
    let bare = enter_and_fail.with(SessionMiddleware::new(shop.clone()));
    let response = block_on(bare.call(request("/"))).unwrap();
    assert_eq!((response.status().as_u16(), cookies(&response)), (409, 1));
    let own = |error: &SessionError| {
        assert!(matches!(error, SessionError::Conflict));
        StatusCode::IM_A_TEAPOT
    };
    let shaped = enter_and_fail.with(SessionMiddleware::new(shop).on_error(own));
    let response = block_on(shaped.call(request("/"))).unwrap();
    assert_eq!((response.status().as_u16(), cookies(&response)), (418, 1));
}

#[test]
fn errors_of_requests_without_a_session_are_left_to_what_is_outside() {
    let app = Route::new()
        .at("/cart", get(cart))
        .with(SessionMiddleware::new(App::new().shop));
    let error = block_on(app.call(request("/no-such-route"))).unwrap_err();
    assert!(error.is::<poem::error::NotFoundError>());
}

#[test]
fn a_session_that_cannot_be_saved_is_an_error_that_the_application_can_catch() {
    let app = App::without_store();
    let grow = poem::endpoint::make(async |request: Request| {
        let session = request.extensions().get::<Session<Shop>>().unwrap();
        let items: Vec<String> = (0..9_000_u32).map(|it| it.to_string()).collect();
        session.change(|shop| shop.cart = items).await?;
        Ok::<_, Error>("grown")
    });
    let grow = grow.with(SessionMiddleware::new(app.shop));
    let error = block_on(grow.call(request("/"))).unwrap_err();
    assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(error.is::<SessionError>());
    let response = error.into_response();
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let body = block_on(response.into_body().into_string());
    assert_eq!(body.unwrap(), "the session is too large");
}

#[test]
fn a_route_without_the_middleware_says_so() {
    let error = block_on(cart.call(request("/"))).unwrap_err();
    assert!(error.is::<MissingMiddleware>());
    assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
}
