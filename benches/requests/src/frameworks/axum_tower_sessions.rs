//! tower-sessions: a random id in the cookie, the session in a store. It does not detect
//! that two requests changed one session.

use std::net::SocketAddr;

use time::Duration;
use tower::Layer as _;

use super::axum::run;
use crate::{
    Result, data,
    program::{Place, Program},
};

pub async fn serve(program: &Program, address: SocketAddr, redis: Option<&str>) -> Result {
    let idle = Duration::try_from(data::IDLE)?;
    if program.place == Place::Redis {
        use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};
        let url = redis.ok_or("this program needs the URL of a Redis server")?;
        // One connection, as ours.
        let pool = Pool::new(Config::from_url(url)?, None, None, None, 1)?;
        pool.connect();
        pool.wait_for_connect().await?;
        let store = tower_sessions_redis_store::RedisStore::new(pool);
        let (layer, router) = redis::program(program, store, idle);
        return run(address, layer.layer(router)).await;
    }
    let store = tower_sessions::MemoryStore::default();
    let (layer, router) = memory::program(program, store, idle);
    run(address, layer.layer(router)).await
}

/// The same program for two versions, since the newest has no published store for Redis.
macro_rules! programs {
    ($module:ident, $version:ident) => {
        mod $module {
            use axum::{Router, http::StatusCode, routing::get};
            use time::Duration;
            use $version::{
                Expiry, Session, SessionManagerLayer, SessionStore, cookie::SameSite,
                session::Error,
            };

            use crate::{
                data::{self, Login},
                frameworks::axum::bare,
                program::{Program, Work},
            };

            pub fn program<S: SessionStore + Clone>(
                program: &Program,
                store: S,
                idle: Duration,
            ) -> (SessionManagerLayer<S>, Router) {
                let measured = match program.work {
                    Work::Bare | Work::Untouched => get(bare),
                    Work::Read => get(read),
                    Work::Written => get(write),
                };
                let layer = SessionManagerLayer::new(store)
                    .with_name(data::COOKIE)
                    .with_same_site(SameSite::Lax)
                    .with_expiry(Expiry::OnInactivity(idle));
                let router = Router::new()
                    .route("/", measured)
                    .route("/login", get(log_in))
                    .route("/count", get(count));
                (layer, router)
            }

            async fn read(session: Session) -> Result<String, StatusCode> {
                Ok(data::answer(&load(&session).await?))
            }

            async fn write(session: Session) -> Result<String, StatusCode> {
                let mut login = load(&session).await?;
                let answer = data::count_up(&mut login);
                session.insert(KEY, login).await.map_err(failed)?;
                Ok(answer)
            }

            async fn log_in(session: Session) -> Result<(), StatusCode> {
                session.cycle_id().await.map_err(failed)?;
                session.insert(KEY, data::login()).await.map_err(failed)
            }

            async fn count(session: Session) -> Result<String, StatusCode> {
                Ok(load(&session).await?.auth_time.to_string())
            }

            async fn load(session: &Session) -> Result<Login, StatusCode> {
                let login = session.get(KEY).await.map_err(failed)?;
                Ok(login.unwrap_or_default())
            }

            fn failed(_: Error) -> StatusCode {
                StatusCode::INTERNAL_SERVER_ERROR
            }

            const KEY: &str = "login";
        }
    };
}

programs!(memory, tower_sessions);
programs!(redis, tower_sessions_0_14);
