//! tower-sessions: a random id in the cookie, as it is or sealed, the session in a store. It
//! does not detect that two requests changed one session.

use std::net::SocketAddr;

use time::Duration;

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
        return redis::serve(program, address, store, idle).await;
    }
    let store = tower_sessions::MemoryStore::default();
    memory::serve(program, address, store, idle).await
}

/// The same program for two versions, since the newest has no published store for Redis.
macro_rules! programs {
    ($module:ident, $version:ident) => {
        mod $module {
            use std::net::SocketAddr;

            use axum::{Router, http::StatusCode, routing::get};
            use time::Duration;
            use tower::Layer as _;
            use $version::{
                Expiry, Session, SessionManagerLayer, SessionStore,
                cookie::{Key, SameSite},
                session::Error,
            };

            use crate::{
                data::{self, Login},
                frameworks::axum::{bare, run},
                program::{Library, Program, Work},
            };

            pub async fn serve(
                program: &Program,
                address: SocketAddr,
                store: impl SessionStore + Clone,
                idle: Duration,
            ) -> crate::Result {
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
                if program.library == Library::TowerSessionsPrivate {
                    let layer = layer.with_private(Key::generate());
                    return run(address, layer.layer(router)).await;
                }
                run(address, layer.layer(router)).await
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
