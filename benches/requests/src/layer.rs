//! What layers of tower cost without a network: nanoseconds per call of a service that
//! answers at once. This depends less on what else the machine does than requests per
//! second do.

use core::{
    convert::Infallible,
    fmt,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
};
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Request, Response, header};
use sealed_session::{Session, SessionManager, adapters::tower_0_3::SessionLayer};
use tower::{Layer, Service, service_fn};
use tower_sessions::{MemoryStore, SessionManagerLayer, cookie::Key, service::CookieController};

use crate::{
    data::{self, Login},
    program::{Framework, Library, Place, Program, Work},
    statistics::Spread,
};

const ROUNDS: usize = 201;
/// Short, so that a round of all contenders takes a few milliseconds.
const ROUND_NANOS: u128 = 400_000;

/// Medians over interleaved rounds.
pub struct Figures(Vec<Figure>);

struct Figure {
    what: String,
    nanos: Spread,
    /// More than the bare service, round by round.
    more: Spread,
}

pub fn measure() -> Figures {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime without I/O");
    // Parts of tower-sessions ask for one.
    let _guard = runtime.enter();
    let mut contenders = contenders();
    let repeats: Vec<u32> = contenders
        .iter_mut()
        .map(|it| calibrate(&mut it.call))
        .collect();
    let mut times = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for _ in 0..ROUNDS {
        for ((contender, &repeats), times) in contenders.iter_mut().zip(&repeats).zip(&mut times) {
            let start = Instant::now();
            for _ in 0..repeats {
                (contender.call)();
            }
            times.push(start.elapsed().as_nanos() as f64 / f64::from(repeats));
        }
    }
    let figures = contenders
        .iter()
        .zip(&times)
        .map(|(contender, series)| Figure {
            what: contender.what.clone(),
            nanos: Spread::of(series.iter().copied()),
            more: Spread::of_differences(series, &times[0]),
        });
    Figures(figures.collect())
}

struct Contender {
    what: String,
    call: Box<dyn FnMut()>,
}

/// The bare service first.
fn contenders() -> Vec<Contender> {
    let mut all = vec![contender(
        "no layer",
        service_fn(|_| answer_at_once(data::ANSWER.to_owned())),
        None,
    )];
    for place in [Place::Cookie, Place::Memory] {
        for library in [Library::Ours, Library::OursAwsLc] {
            ours(&mut all, library, place);
        }
    }
    let layer = SessionManagerLayer::new(MemoryStore::default()).with_name(data::COOKIE);
    tower_sessions(
        &mut all,
        &layer,
        [
            "tower-sessions in memory, untouched",
            "tower-sessions in memory, read",
            "tower-sessions in memory, written",
        ],
    );
    tower_sessions(
        &mut all,
        &layer.with_private(Key::generate()),
        [
            "tower-sessions-private in memory, untouched",
            "tower-sessions-private in memory, read",
            "tower-sessions-private in memory, written",
        ],
    );
    all
}

fn ours(all: &mut Vec<Contender>, library: Library, place: Place) {
    let program = Program {
        framework: Framework::Axum,
        library,
        place,
        work: Work::Read,
    };
    let manager = ready(data::manager(&program, None)).expect("a valid configuration");
    let layer = SessionLayer::new(manager.clone());
    let cookie = ready(log_in(&manager));
    let untouched = service_fn(|request: Request<()>| {
        drop(request);
        answer_at_once(data::ANSWER.to_owned())
    });
    let read = service_fn(|request: Request<()>| async move {
        let session = session::<Session<Login>>(&request);
        answer(session.read(data::answer).await.expect("a valid session"))
    });
    let write = service_fn(|request: Request<()>| async move {
        let session = session::<Session<Login>>(&request);
        answer(
            session
                .change(data::count_up)
                .await
                .expect("a valid session"),
        )
    });
    let name = |work: &str| match place {
        Place::Memory => format!("{} in memory, {work}", library.name()),
        _ => format!("{}, {work}", library.name()),
    };
    // Who does not look at the session calls no provider.
    if library == Library::Ours {
        let (what, service) = (name("untouched, no cookie"), layer.layer(untouched));
        all.push(contender(what, service, None));
        let (what, service) = (name("untouched"), layer.layer(untouched));
        all.push(contender(what, service, Some(&cookie)));
    }
    all.push(contender(name("read"), layer.layer(read), Some(&cookie)));
    all.push(contender(
        name("written"),
        layer.layer(write),
        Some(&cookie),
    ));
    if place == Place::Cookie {
        let value = cookie.split_once('=').expect("a pair").1.to_owned();
        let open = service_fn(move |request: Request<()>| {
            drop(request);
            let opened = manager.codec().open::<Login>(&value);
            let login = opened.expect("a valid session").into_data();
            answer_at_once(data::answer(&login))
        });
        all.push(contender(name("its codec alone: open"), open, None));
    }
}

async fn log_in(manager: &SessionManager<Login>) -> String {
    let session = manager.session([], None);
    let login = data::login();
    let begun = session.log_in(login.user_id.to_string()).await;
    begun.expect("randomness");
    session.change(|it| *it = login).await.expect("a session");
    let headers = manager.finish(session, 200).await.expect("a session");
    pair(&headers.set_cookie[0])
}

fn tower_sessions<C: CookieController>(
    all: &mut Vec<Contender>,
    layer: &SessionManagerLayer<MemoryStore, C>,
    names: [&'static str; 3],
) {
    use tower_sessions::Session;
    let begin = service_fn(|request: Request<()>| async move {
        let session = session::<Session>(&request);
        let begun = session.insert("login", data::login()).await;
        begun.expect("a session");
        answer(String::new())
    });
    let begun = ready(layer.layer(begin).call(request(&HeaderMap::new())));
    let Ok(begun) = begun;
    let set_cookie = begun.headers()[header::SET_COOKIE].to_str();
    let cookie = pair(set_cookie.expect("visible characters"));

    let untouched = service_fn(|request: Request<()>| {
        drop(request);
        answer_at_once(data::ANSWER.to_owned())
    });
    let read = service_fn(|request: Request<()>| async move {
        let login = session::<Session>(&request).get::<Login>("login").await;
        answer(data::answer(
            &login.ok().flatten().expect("a valid session"),
        ))
    });
    let write = service_fn(|request: Request<()>| async move {
        let session = session::<Session>(&request);
        let login = session.get::<Login>("login").await;
        let mut login = login.ok().flatten().expect("a valid session");
        let body = data::count_up(&mut login);
        session.insert("login", login).await.expect("a session");
        answer(body)
    });
    let cookie = Some(cookie.as_str());
    let [untouched_name, read_name, written_name] = names;
    all.push(contender(untouched_name, layer.layer(untouched), cookie));
    all.push(contender(read_name, layer.layer(read), cookie));
    all.push(contender(written_name, layer.layer(write), cookie));
}

fn session<S: Clone + Send + Sync + 'static>(request: &Request<()>) -> S {
    let session = request.extensions().get::<S>();
    session.cloned().expect("the layer put it there")
}

fn answer(body: String) -> Result<Response<String>, Infallible> {
    Ok(Response::new(body))
}

fn answer_at_once(body: String) -> core::future::Ready<Result<Response<String>, Infallible>> {
    core::future::ready(answer(body))
}

/// Calls the service with a request as browsers send them.
fn contender<S>(what: impl Into<String>, mut service: S, cookie: Option<&str>) -> Contender
where
    S: Service<Request<()>, Response = Response<String>, Error = Infallible> + 'static,
{
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::HOST, "shop.example"),
        (
            header::USER_AGENT,
            "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
        ),
        (header::ACCEPT, "text/html,application/xhtml+xml"),
        (header::ACCEPT_LANGUAGE, "en-GB,en;q=0.5"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(cookie) = cookie {
        let value = HeaderValue::from_str(cookie).expect("visible characters");
        headers.insert(header::COOKIE, value);
    }
    let call = move || {
        let Ok(response) = ready(service.call(request(&headers)));
        assert_eq!(black_box(response).body(), data::ANSWER);
    };
    Contender {
        what: what.into(),
        call: Box::new(call),
    }
}

fn request(headers: &HeaderMap) -> Request<()> {
    let mut request = Request::new(());
    *request.headers_mut() = headers.clone();
    request
}

/// The output of a future that waits for nothing.
fn ready<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

fn pair(set_cookie: &str) -> String {
    set_cookie.split(';').next().unwrap_or_default().to_owned()
}

/// How often an operation fits a round, after it has warmed up.
fn calibrate(operation: &mut dyn FnMut()) -> u32 {
    let mut repeats = 16_u32;
    loop {
        let start = Instant::now();
        for _ in 0..repeats {
            operation();
        }
        if start.elapsed().as_nanos() >= ROUND_NANOS {
            return repeats;
        }
        repeats *= 2;
    }
}

/// A table in Markdown.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| service | ns a call | more than without a layer |")?;
        writeln!(f, "|---|---:|---:|")?;
        for Figure { what, nanos, more } in &self.0 {
            writeln!(f, "| {what} | {nanos:.0} | {more:.0} |")?;
        }
        Ok(())
    }
}
