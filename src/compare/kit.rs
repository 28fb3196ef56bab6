//! What every measurement and every experiment is made with.

use core::time::Duration;
use std::sync::Arc;

use super::{clock::Monotonic, report::Way};
use crate::{
    CookieConfig, EncryptedCodec, Policy, Session, SessionData, SessionManager,
    codec::{CodecBuilder, ConfigError, Encrypted},
    expiry::Lifetimes,
    keys::KeyRing,
    manager::{ManagerError, Revocation, SessionError, Strategy},
    payload::Compression,
    store::SessionStore,
    time::TestClock,
    token::MAX_COOKIE_LEN,
};

/// The application's context in every token of a comparison.
pub(super) const CONTEXT: &str = "sealed-session.compare";

/// The configuration under comparison, under keys that are thrown away.
#[derive(Clone)]
pub(super) struct Kit {
    pub(super) keys: KeyRing,
    pub(super) policy: Policy,
    pub(super) cookie: CookieConfig,
    pub(super) budget: usize,
    pub(super) compression: Compression,
    pub(super) max_record_bytes: usize,
    /// Stands still unless an experiment moves it: no session ages while it is measured.
    pub(super) clock: TestClock,
    pub(super) monotonic: Arc<dyn Monotonic>,
}

impl Kit {
    /// The same with a clock and keys of its own, for an experiment that moves time.
    pub(super) fn with_own_clock(&self) -> Self {
        use crate::time::Clock as _;
        Self {
            clock: TestClock::at(self.clock.now()),
            ..self.clone()
        }
    }

    pub(super) fn codec_builder(&self) -> CodecBuilder<Encrypted> {
        EncryptedCodec::builder(CONTEXT, self.keys.clone(), self.policy.clone())
            .compression(self.compression)
            .clock(self.clock.clone())
    }

    /// The codec of the cookie, whose limit is what browsers keep or less.
    pub(super) fn codec(&self, limit: usize) -> Result<EncryptedCodec, ConfigError> {
        self.codec_builder()
            .name(self.cookie.name())
            .limit(limit)
            .build()
    }

    /// A server of that strategy, with the default list of revocations where it has a
    /// store.
    pub(super) fn manager<T>(
        &self,
        way: Way,
        store: Option<Arc<dyn SessionStore>>,
    ) -> Result<SessionManager<T>, ManagerError>
    where
        T: SessionData + Default + Send + Sync + 'static,
    {
        self.manager_with(way, store, Revocation::default())
    }

    pub(super) fn manager_with<T>(
        &self,
        way: Way,
        store: Option<Arc<dyn SessionStore>>,
        revocation: Revocation,
    ) -> Result<SessionManager<T>, ManagerError>
    where
        T: SessionData + Default + Send + Sync + 'static,
    {
        let builder = SessionManager::builder(self.codec_builder())
            .cookie(self.cookie.clone())
            .max_record_bytes(self.max_record_bytes)
            // Users' sessions are measured, without their users.
            .max_guest_record_bytes(usize::MAX);
        match (way, store) {
            (Way::Cookie, _) => builder.budget(MAX_COOKIE_LEN).build(),
            // Without a store, building says what is missing.
            (_, None) => builder.strategy(Strategy::Auto).build(),
            (Way::Store, Some(store)) => builder
                .budget(self.budget)
                .strategy(Strategy::StoreOnly {
                    accept_inline_until: None,
                })
                .store(store)
                .revocation(revocation)
                .build(),
            (Way::Automatic, Some(store)) => builder
                .budget(self.budget)
                .strategy(Strategy::Auto)
                .store(store)
                .revocation(revocation)
                .build(),
        }
    }

    pub(super) fn idle(&self) -> Duration {
        let first = self.policy.lifetimes(crate::claims::LifetimeClass::DEFAULT);
        first.map_or(Duration::ZERO, Lifetimes::idle)
    }
}

/// A browser that keeps one cookie.
pub(super) struct Client<T> {
    pub(super) manager: SessionManager<T>,
    /// `name=value`, or nothing.
    pub(super) cookie: String,
}

impl<T: SessionData + Default + Send + Sync + 'static> Client<T> {
    pub(super) fn new(manager: SessionManager<T>) -> Self {
        Self {
            manager,
            cookie: String::new(),
        }
    }

    /// A copy of the cookie, in another browser or at another server.
    pub(super) fn at(&self, manager: &SessionManager<T>) -> Self {
        Self {
            manager: manager.clone(),
            cookie: self.cookie.clone(),
        }
    }

    /// The request's session.
    pub(super) fn session(&self) -> Session<T> {
        self.manager.session([self.cookie.as_bytes()], None)
    }

    /// Ends the request, and keeps the cookie that its response sets. Gives the value of
    /// the `Set-Cookie` header.
    pub(super) async fn finish(
        &mut self,
        session: Session<T>,
    ) -> Result<Option<String>, SessionError> {
        let headers = self.manager.finish(session, 200).await?;
        let header = headers.set_cookie.into_iter().next();
        if let Some(header) = &header {
            let pair = header.split(';').next().unwrap_or_default();
            pair.clone_into(&mut self.cookie);
        }
        Ok(header)
    }

    /// One request that changes the session.
    pub(super) async fn change(
        &mut self,
        change: impl FnOnce(&mut T),
    ) -> Result<Option<String>, SessionError> {
        let session = self.session();
        session.change(change).await?;
        self.finish(session).await
    }

    /// The characters of the cookie's value.
    pub(super) fn value(&self) -> &str {
        let (_, value) = self.cookie.split_once('=').unwrap_or_default();
        value
    }
}
