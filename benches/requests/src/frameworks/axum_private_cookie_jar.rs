//! `PrivateCookieJar` of axum-extra: a cookie of JSON in AES-256-GCM. It has no expiry on
//! the server's side and no rotation of keys, so none is checked.

use axum::{Router, extract::FromRef, http::StatusCode, routing::get};
use axum_extra::extract::{
    PrivateCookieJar,
    cookie::{Cookie, Key, SameSite},
};

use super::axum::bare;
use crate::{
    data::{self, Login},
    program::{Program, Work},
};

#[derive(Clone)]
struct Keys(Key);

impl FromRef<Keys> for Key {
    fn from_ref(keys: &Keys) -> Self {
        keys.0.clone()
    }
}

pub fn router(program: &Program) -> Router {
    let measured = match program.work {
        Work::Bare | Work::Untouched => get(bare),
        Work::Read => get(read),
        Work::Written => get(write),
    };
    Router::new()
        .route("/", measured)
        .route("/login", get(log_in))
        .route("/count", get(count))
        .with_state(Keys(Key::generate()))
}

async fn read(jar: PrivateCookieJar) -> Result<String, StatusCode> {
    Ok(data::answer(&load(&jar)?))
}

async fn write(jar: PrivateCookieJar) -> Result<(PrivateCookieJar, String), StatusCode> {
    let mut login = load(&jar)?;
    let answer = data::count_up(&mut login);
    Ok((save(jar, &login)?, answer))
}

async fn log_in(jar: PrivateCookieJar) -> Result<PrivateCookieJar, StatusCode> {
    save(jar, &data::login())
}

async fn count(jar: PrivateCookieJar) -> Result<String, StatusCode> {
    Ok(load(&jar)?.auth_time.to_string())
}

fn load(jar: &PrivateCookieJar) -> Result<Login, StatusCode> {
    let Some(cookie) = jar.get(data::COOKIE) else {
        return Ok(Login::default());
    };
    serde_json::from_str(cookie.value()).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

fn save(jar: PrivateCookieJar, login: &Login) -> Result<PrivateCookieJar, StatusCode> {
    let json = serde_json::to_string(login).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let cookie = Cookie::build((data::COOKIE, json))
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .path("/");
    Ok(jar.add(cookie))
}
