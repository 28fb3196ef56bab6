//! What the page's buttons do.

use core::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::SET_COOKIE},
    response::IntoResponse,
};
use sealed_session::{
    Session,
    claims::LifetimeClass,
    keys::{Key, KeyRing, RingError},
    manager::SessionError,
    time::Clock as _,
};
use serde::{Deserialize, Serialize};

use crate::world::{Demo, REMEMBER_ME, Visit, noise};

/// What was done, in words.
#[derive(Serialize)]
pub(crate) struct Done {
    done: String,
}

type Answer = Result<Json<Done>, SessionError>;

/// The most that the slider puts into the session.
const MAX_PAYLOAD: usize = 12_000;

#[derive(Deserialize)]
pub(crate) struct Payload {
    bytes: usize,
    /// Text that repeats itself instead of noise.
    text: bool,
}

pub(crate) async fn payload(session: Session<Visit>, Json(ask): Json<Payload>) -> Answer {
    let len = ask.bytes.min(MAX_PAYLOAD);
    let payload = if ask.text {
        shopping_list(len)
    } else {
        noise(len)
    };
    session.change(|visit| visit.payload = payload).await?;
    Ok(done(
        "The payload was changed, and the session written with the response.",
    ))
}

#[derive(Deserialize)]
pub(crate) struct LogIn {
    user: String,
    remember: bool,
}

pub(crate) async fn log_in(
    State(demo): State<Demo>,
    session: Session<Visit>,
    Json(ask): Json<LogIn>,
) -> Answer {
    let user: String = ask.user.trim().chars().take(40).collect();
    let remember_me = demo.manager.codec().policy().class(REMEMBER_ME);
    let class = remember_me.filter(|_| ask.remember);
    session.log_in(&user).await?;
    session
        .set_class(class.unwrap_or(LifetimeClass::DEFAULT))
        .await?;
    let name = user.clone();
    session.change(|visit| visit.user = Some(user)).await?;
    Ok(done(format!(
        "{name} logged in: a new session id, and the old one is revoked. The data stays."
    )))
}

pub(crate) async fn log_out(session: Session<Visit>) -> Answer {
    session.log_out().await?;
    Ok(done(
        "Whatever valid session the browser presented is on the list of what has ended, its row is deleted, and the browser was told to remove the cookie.",
    ))
}

pub(crate) async fn log_out_everywhere(
    State(demo): State<Demo>,
    session: Session<Visit>,
) -> Answer {
    let Some(user) = session.read(|visit| visit.user.clone()).await? else {
        return Ok(done(
            "Nobody is logged in, so there is nobody to log out everywhere.",
        ));
    };
    demo.manager.revoke_subject(&user).await?;
    Ok(done(format!(
        "Every session of {user} that began until now has ended, in every browser. No cookie was touched."
    )))
}

#[derive(Deserialize)]
pub(crate) struct Plant {
    value: String,
}

/// Sets the cookie to whatever is asked, as somebody could who has the browser in hand: so
/// that it is the browser that presents it. Only a demo has this.
pub(crate) async fn plant(State(demo): State<Demo>, Json(ask): Json<Plant>) -> impl IntoResponse {
    match demo.manager.cookie().set_cookie(&ask.value, None) {
        Ok(header) => {
            let done = done("The browser now holds that value, and presents it from now on.");
            ([(SET_COOKIE, header)], done).into_response()
        }
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, done(error.to_string())).into_response(),
    }
}

#[derive(Deserialize)]
pub(crate) struct Rotate {
    emergency: bool,
}

pub(crate) async fn rotate(State(demo): State<Demo>, Json(ask): Json<Rotate>) -> Json<Done> {
    done(match rotated(&demo, ask.emergency) {
        Err(error) => format!("Refused, the old ring stays: {error}."),
        Ok(()) if ask.emergency => "Only a new key is left. Whoever held the old one could have made sessions, so all sessions under it end.".to_owned(),
        Ok(()) => "A new key seals from now on (usually 24 hours later, when every server has it); the old one goes on opening.".to_owned(),
    })
}

fn rotated(demo: &Demo, emergency: bool) -> Result<(), Box<dyn core::error::Error>> {
    let now = demo.clock.now();
    let key = Key::generate()?;
    let ring: Result<KeyRing, RingError> = if emergency {
        KeyRing::emergency(now, key)
    } else {
        let longest_idle = demo.manager.codec().policy().longest_idle();
        let ring = demo.keys.current();
        ring.rotate(now, Duration::ZERO, longest_idle, key)
    };
    Ok(demo.keys.replace(ring?, now)?)
}

#[derive(Deserialize)]
pub(crate) struct Pass {
    seconds: u32,
}

pub(crate) async fn let_time_pass(State(demo): State<Demo>, Json(ask): Json<Pass>) -> Json<Done> {
    // At most a month at once, so that the clock stays in this century.
    let seconds = ask.seconds.min(31 * 24 * 3600);
    demo.clock.put_forward(seconds);
    done(format!(
        "The server's clock was put forward by {seconds} seconds."
    ))
}

#[derive(Deserialize)]
pub(crate) struct Switch {
    stop: bool,
}

pub(crate) async fn switch_store(State(demo): State<Demo>, Json(ask): Json<Switch>) -> Json<Done> {
    demo.store.stop(ask.stop);
    let text = if ask.stop {
        "The store is stopped: it answers nothing. A session in the cookie goes on while this server's copy of the list of what has ended is at most 15 seconds old."
    } else {
        "The store runs again, with everything that was in it."
    };
    done(text)
}

fn done(done: impl Into<String>) -> Json<Done> {
    Json(Done { done: done.into() })
}

/// That many bytes of a text such as sessions hold.
fn shopping_list(len: usize) -> Vec<u8> {
    let lines = (1_u32..).flat_map(|number| {
        let pieces = (number % 5).saturating_add(1);
        format!("{pieces} pieces of article {number:04}\n").into_bytes()
    });
    lines.take(len).collect()
}
