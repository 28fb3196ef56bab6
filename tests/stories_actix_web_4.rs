//! The HTTP stories, told by actix-web 4.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

mod stories;

use core::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    App as Application, HttpRequest, HttpResponse, HttpServer, ResponseError,
    body::{BodySize, MessageBody},
    http::StatusCode,
    rt::System,
    web::{self, Bytes, Data, Path, Payload, Redirect},
};
use sealed_session::{
    Session,
    adapters::actix_web_4::{OptionalSession, SessionMiddleware},
    manager::SessionError,
};
use stories::{App, FOR_CACHES, Prefs, SORRY, Server, Shop, param};

tell_all!(serve);

type Answer<T = String> = Result<T, SessionError>;

fn serve(app: App) -> Server {
    Server::start(|listening, stop| {
        System::new().block_on(async move {
            let server = HttpServer::new(move || {
                Application::new()
                    .configure(routes)
                    .wrap(SessionMiddleware::new(app.shop.clone()).on_error(sorry))
                    .wrap(SessionMiddleware::new(app.prefs.clone()))
                    .app_data(Data::new(app.clone()))
            });
            let server = server.workers(2).disable_signals();
            let server = server.bind("127.0.0.1:0").unwrap();
            listening.send(server.addrs().swap_remove(0)).unwrap();
            let server = server.run();
            let handle = server.handle();
            actix_web::rt::spawn(async move {
                let _ = stop.await;
                handle.stop(false).await;
            });
            server.await.unwrap();
        });
    })
}

fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route("/", web::get().to(async || "welcome"))
        .service(
            // actix-web answers HEAD only where it is told to.
            web::resource("/cart").get(cart).route(web::head().to(cart)),
        )
        .route("/add", web::post().to(add))
        .route(
            "/clear",
            web::post().to(async |session: Session<Shop>| App::clear(&session).await),
        )
        .route("/login", web::post().to(login))
        .route(
            "/logout",
            web::post().to(async |session: Session<Shop>| App::logout(&session).await),
        )
        .route("/everywhere", web::post().to(everywhere))
        .route(
            "/whoami",
            web::get().to(async |session: Session<Shop>| App::whoami(&session).await),
        )
        .route("/slow", web::post().to(slow))
        .route("/answer/{status}", web::post().to(answer))
        .route("/enter/{status}", web::post().to(enter))
        .route("/panic", web::post().to(panic))
        .route("/stream", web::get().to(stream))
        .route("/ws", web::get().to(ws))
        .route("/redirect", web::post().to(redirect))
        .route("/shared", web::post().to(shared))
        .route("/optional", web::get().to(optional))
        .route("/theme", web::get().to(theme))
        .route("/theme", web::post().to(set_theme))
        .route("/both", web::post().to(both));
}

fn sorry(error: &SessionError) -> HttpResponse {
    match error {
        SessionError::Unavailable(_) => HttpResponse::ServiceUnavailable().body(SORRY),
        error => error.error_response(),
    }
}

fn query(request: &HttpRequest, name: &str) -> String {
    param(Some(request.query_string()), name)
}

async fn cart(session: Session<Shop>) -> Answer {
    App::cart(&session).await
}

async fn add(session: Session<Shop>, request: HttpRequest) -> Answer {
    App::add(&session, &query(&request, "item")).await
}

async fn login(session: Session<Shop>, request: HttpRequest) -> Answer {
    App::login(&session, &query(&request, "user")).await
}

async fn everywhere(app: Data<App>, request: HttpRequest) -> Answer {
    app.everywhere(&query(&request, "user")).await
}

async fn slow(app: Data<App>, session: Session<Shop>, request: HttpRequest) -> Answer {
    app.slow(&session, &query(&request, "item")).await
}

async fn answer(
    status: Path<u16>,
    session: Session<Shop>,
    request: HttpRequest,
) -> Answer<(String, StatusCode)> {
    let body = App::add(&session, &query(&request, "item")).await?;
    Ok((body, StatusCode::from_u16(*status).unwrap()))
}

async fn enter(
    status: Path<u16>,
    session: Session<Shop>,
    request: HttpRequest,
) -> Answer<(String, StatusCode)> {
    let body = App::login(&session, &query(&request, "user")).await?;
    Ok((body, StatusCode::from_u16(*status).unwrap()))
}

async fn panic(session: Session<Shop>, request: HttpRequest) -> Answer {
    App::add(&session, &query(&request, "item")).await?;
    panic!("as the story wants it")
}

async fn stream(session: Session<Shop>, request: HttpRequest) -> Answer<HttpResponse> {
    App::add(&session, &query(&request, "item")).await?;
    Ok(HttpResponse::Ok().body(Chunks(vec!["three", "two ", "one "])))
}

/// Sends back what it receives, frame by frame as it came.
async fn ws(
    session: Session<Shop>,
    request: HttpRequest,
    received: Payload,
) -> Answer<HttpResponse> {
    App::add(&session, &query(&request, "item")).await?;
    Ok(HttpResponse::SwitchingProtocols()
        .upgrade("websocket")
        .streaming(received))
}

async fn redirect(session: Session<Shop>, request: HttpRequest) -> Answer<Redirect> {
    App::add(&session, &query(&request, "item")).await?;
    Ok(Redirect::to("/cart").see_other())
}

async fn shared(session: Session<Shop>, request: HttpRequest) -> Answer<HttpResponse> {
    let body = App::add(&session, &query(&request, "item")).await?;
    let mut response = HttpResponse::Ok();
    for header in FOR_CACHES {
        response.append_header(header);
    }
    Ok(response.body(body))
}

async fn optional(OptionalSession(session): OptionalSession<Shop>) -> &'static str {
    session.map_or("none", |_| "some")
}

async fn theme(session: Session<Prefs>) -> Answer {
    App::theme(&session).await
}

async fn set_theme(session: Session<Prefs>, request: HttpRequest) -> Answer {
    App::set_theme(&session, &query(&request, "value")).await
}

async fn both(shop: Session<Shop>, prefs: Session<Prefs>, request: HttpRequest) -> Answer {
    App::add(&shop, &query(&request, "item")).await?;
    App::set_theme(&prefs, &query(&request, "theme")).await
}

/// A body of several chunks, the last of which comes first here.
struct Chunks(Vec<&'static str>);

impl MessageBody for Chunks {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(
            self.0
                .pop()
                .map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))),
        )
    }
}
