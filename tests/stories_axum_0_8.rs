//! The HTTP stories, told by axum 0.8.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

mod stories;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, RawQuery, State, WebSocketUpgrade},
    http::{Response, StatusCode},
    response::{AppendHeaders, IntoResponse, Redirect},
    routing::{get, post},
};
use sealed_session::{Session, adapters::tower_0_3::SessionLayer, manager::SessionError};
use stories::{App, FOR_CACHES, Prefs, SORRY, Server, Shop, param};

tell_all!(serve);

type Answer = Result<String, SessionError>;

fn serve(app: App) -> Server {
    Server::with_tokio(|listener, stop| async {
        let stopped = async {
            let _ = stop.await;
        };
        let serving = axum::serve(listener, router(app));
        tokio::select! {
            served = serving => served.unwrap(),
            () = stopped => {}
        }
    })
}

fn router(app: App) -> Router {
    Router::new()
        .route("/", get(async || "welcome"))
        .route(
            "/cart",
            get(async |session: Session<Shop>| App::cart(&session).await),
        )
        .route("/add", post(add))
        .route(
            "/clear",
            post(async |session: Session<Shop>| App::clear(&session).await),
        )
        .route("/login", post(login))
        .route(
            "/logout",
            post(async |session: Session<Shop>| App::logout(&session).await),
        )
        .route("/everywhere", post(everywhere))
        .route(
            "/whoami",
            get(async |session: Session<Shop>| App::whoami(&session).await),
        )
        .route("/slow", post(slow))
        .route("/answer/{status}", post(answer))
        .route("/enter/{status}", post(enter))
        .route("/panic", post(panic))
        .route("/stream", get(stream))
        .route("/ws", get(ws))
        .route("/redirect", post(redirect))
        .route("/shared", post(shared))
        .route("/optional", get(optional))
        .route("/theme", get(theme).post(set_theme))
        .route("/both", post(both))
        .layer(SessionLayer::new(app.shop.clone()).on_error(sorry))
        .layer(SessionLayer::new(app.prefs.clone()))
        .with_state(app)
}

fn sorry(error: &SessionError) -> Response<Body> {
    match error {
        SessionError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, SORRY).into_response(),
        error => {
            let status = StatusCode::from_u16(error.status()).unwrap();
            (status, error.client_message()).into_response()
        }
    }
}

async fn add(session: Session<Shop>, RawQuery(query): RawQuery) -> Answer {
    App::add(&session, &param(query.as_deref(), "item")).await
}

async fn login(session: Session<Shop>, RawQuery(query): RawQuery) -> Answer {
    App::login(&session, &param(query.as_deref(), "user")).await
}

async fn everywhere(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    app.everywhere(&param(query.as_deref(), "user")).await
}

async fn slow(State(app): State<App>, session: Session<Shop>, RawQuery(query): RawQuery) -> Answer {
    app.slow(&session, &param(query.as_deref(), "item")).await
}

async fn answer(
    Path(status): Path<u16>,
    session: Session<Shop>,
    RawQuery(query): RawQuery,
) -> Result<(StatusCode, String), SessionError> {
    let body = App::add(&session, &param(query.as_deref(), "item")).await?;
    Ok((StatusCode::from_u16(status).unwrap(), body))
}

async fn enter(
    Path(status): Path<u16>,
    session: Session<Shop>,
    RawQuery(query): RawQuery,
) -> Result<(StatusCode, String), SessionError> {
    let body = App::login(&session, &param(query.as_deref(), "user")).await?;
    Ok((StatusCode::from_u16(status).unwrap(), body))
}

async fn panic(session: Session<Shop>, RawQuery(query): RawQuery) -> Answer {
    App::add(&session, &param(query.as_deref(), "item")).await?;
    panic!("as the story wants it")
}

async fn stream(session: Session<Shop>, RawQuery(query): RawQuery) -> Result<Body, SessionError> {
    App::add(&session, &param(query.as_deref(), "item")).await?;
    Ok(Body::new(Chunks(vec!["three", "two ", "one "])))
}

async fn ws(
    session: Session<Shop>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Result<impl IntoResponse, SessionError> {
    App::add(&session, &param(query.as_deref(), "item")).await?;
    Ok(upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    }))
}

async fn redirect(
    session: Session<Shop>,
    RawQuery(query): RawQuery,
) -> Result<Redirect, SessionError> {
    App::add(&session, &param(query.as_deref(), "item")).await?;
    Ok(Redirect::to("/cart"))
}

async fn shared(
    session: Session<Shop>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, SessionError> {
    let body = App::add(&session, &param(query.as_deref(), "item")).await?;
    Ok((AppendHeaders(FOR_CACHES), body))
}

async fn optional(session: Option<Session<Shop>>) -> &'static str {
    session.map_or("none", |_| "some")
}

async fn theme(session: Session<Prefs>) -> Answer {
    App::theme(&session).await
}

async fn set_theme(session: Session<Prefs>, RawQuery(query): RawQuery) -> Answer {
    App::set_theme(&session, &param(query.as_deref(), "value")).await
}

async fn both(shop: Session<Shop>, prefs: Session<Prefs>, RawQuery(query): RawQuery) -> Answer {
    App::add(&shop, &param(query.as_deref(), "item")).await?;
    App::set_theme(&prefs, &param(query.as_deref(), "theme")).await
}

/// A body of several chunks, the last of which comes first here.
struct Chunks(Vec<&'static str>);

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: core::pin::Pin<&mut Self>,
        _: &mut core::task::Context<'_>,
    ) -> core::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        let chunk = self
            .0
            .pop()
            .map(|chunk| hyper::body::Frame::data(Bytes::from(chunk)));
        core::task::Poll::Ready(chunk.map(Ok))
    }
}
