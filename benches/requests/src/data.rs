//! The session that all programs hold, and what they do with it.

use core::time::Duration;
use std::sync::Arc;

use sealed_session::{
    EncryptedCodec, Policy, SessionManager,
    codec::AeadProvider,
    keys::{Key, KeyRing},
    manager::Strategy,
    store::{self, memory::MemoryStore},
};
use uuid::Uuid;

pub use crate::support::Login;
use crate::{
    Result,
    program::{Library, Place, Program},
    support,
};

/// The cookie's name, everywhere.
pub const COOKIE: &str = "__Host-session";
/// What a right answer says: the name of the user in the session.
pub const ANSWER: &str = "Morgan Riley";
/// The same for all libraries.
pub const IDLE: Duration = Duration::from_hours(24);

/// The login of the corpus.
pub fn login() -> Login {
    support::read(support::LOGIN)
}

/// Of a request without a session: its answer is empty.
impl Default for Login {
    fn default() -> Self {
        Self {
            user_id: Uuid::nil(),
            email: String::new(),
            display_name: String::new(),
            roles: Vec::new(),
            csrf_token: String::new(),
            auth_time: 0,
            mfa: false,
            locale: String::new(),
        }
    }
}

/// What a request that reads its session answers.
pub fn answer(login: &Login) -> String {
    login.display_name.clone()
}

/// What a request that writes its session does: another session of the same size.
pub fn count_up(login: &mut Login) -> String {
    login.auth_time = login.auth_time.wrapping_add(1);
    login.display_name.clone()
}

/// Ours, with its session in the place that the program asks for.
pub async fn manager(program: &Program, redis: Option<&str>) -> Result<SessionManager<Login>> {
    let keys = KeyRing::single(Key::generate()?)?;
    let policy = Policy::new(IDLE, IDLE * 7)?;
    let codec = EncryptedCodec::builder("example.com", keys, policy);
    let builder = SessionManager::builder(codec.aead_provider(match program.library {
        Library::OursAwsLc => AeadProvider::AwsLc,
        _ => AeadProvider::RustCrypto,
    }));
    let stored = Strategy::StoreOnly {
        accept_inline_until: None,
    };
    let builder = match program.place {
        Place::Nowhere | Place::Cookie => builder,
        Place::Memory => builder.store(Arc::new(MemoryStore::new())).strategy(stored),
        Place::Redis => {
            let url = redis.ok_or("this program needs the URL of a Redis server")?;
            builder.store(store::connect(url).await?).strategy(stored)
        }
    };
    let manager = builder.build()?;
    manager.sync_revocations().await?;
    Ok(manager)
}
