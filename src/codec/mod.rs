//! Sessions sealed into tokens, and opened again.
//!
//! [`EncryptedCodec`] is the one to use: the browser holds the session and cannot read it.
//! [`SignedCodec`] makes tokens that everybody who holds them can read. A codec is built
//! once, from keys and a lifetime policy, and shared by all threads.

#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "the format is frozen before device binding uses it"
    )
)]
mod auxiliary;
mod builder;
mod opened;
pub(crate) mod record;
mod scope;
mod suite;
mod table;

use core::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use serde::Serialize;

pub use builder::{CodecBuilder, ConfigError};
pub use opened::{Opened, OpenedToken, Plan, Sealed};
pub use scope::Scope;
pub use suite::{Encrypted, Signed, Suite};

pub use crate::crypto::AeadProvider;

use crate::{
    claims::{Identity, Subject},
    error::{OpenError, SealError},
    expiry::Policy,
    keys::{KeyId, SharedKeyRing},
    payload::{Compression, SessionData},
    random::Random,
    time::{Clock, Timestamp},
};
use table::{Domain, KeyTable};

/// Seals sessions so that only the server reads them.
pub type EncryptedCodec = Codec<Encrypted>;

/// Seals sessions so that only the server can make or change them, while **whoever holds
/// the cookie can read all of it**: the user, their browser's extensions, every log and
/// proxy that keeps cookies. It saves 8 bytes. Use it only for data that you would print
/// on the page.
pub type SignedCodec = Codec<Signed>;

/// Seals and opens the tokens of one cookie, under the keys of one ring.
///
/// ```
/// use core::time::Duration;
/// use sealed_session::{EncryptedCodec, Policy, SessionData, keys::{Key, KeyRing}};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Debug, PartialEq, SessionData)]
/// struct Login { user: u64 }
///
/// # fn main() -> Result<(), Box<dyn core::error::Error>> {
/// let keys = KeyRing::single(Key::generate()?)?;
/// let policy = Policy::new(Duration::from_secs(30 * 60), Duration::from_secs(24 * 3600))?;
/// let codec = EncryptedCodec::builder("example.com", keys, policy).build()?;
///
/// let identity = codec.new_identity()?;
/// let sealed = codec.seal(&identity, &Login { user: 42 })?;
/// let opened = codec.open::<Login>(sealed.value())?;
/// assert_eq!(opened.data(), &Login { user: 42 });
/// # Ok(())
/// # }
/// ```
pub struct Codec<S: Suite> {
    /// The codec's own first, then those that are accepted too.
    domains: Vec<Domain>,
    keys: SharedKeyRing,
    table: ArcSwap<KeyTable<S>>,
    policy: Policy,
    limit: usize,
    compression: Compression,
    /// Of no use to a signed one.
    provider: AeadProvider,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    suite: core::marker::PhantomData<fn() -> S>,
}

impl<S: Suite> Codec<S> {
    /// Starts a codec: `context` names the application (its domain, say), so that two
    /// applications with the same keys do not accept each other's sessions.
    pub fn builder(
        context: impl Into<String>,
        keys: impl Into<SharedKeyRing>,
        policy: Policy,
    ) -> CodecBuilder<S> {
        CodecBuilder::new(context.into(), keys.into(), policy)
    }

    /// A new session's identity: a fresh id, beginning now.
    ///
    /// # Errors
    /// [`SealError::Random`].
    pub fn new_identity(&self) -> Result<Identity, SealError> {
        self.now_scope().new_identity()
    }

    /// Seals `data` as the session `identity`, into a cookie value.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] when name and value would exceed
    /// [`limit`](Self::limit), and the other variants of [`SealError`].
    pub fn seal<T: SessionData>(&self, identity: &Identity, data: &T) -> Result<Sealed, SealError> {
        self.now_scope().seal(identity, data)
    }

    /// What sealing `data` would come to, without sealing it.
    ///
    /// # Errors
    /// As for [`seal`](Self::seal), except that too large is an answer here.
    pub fn plan<T: SessionData>(&self, identity: &Identity, data: &T) -> Result<Plan, SealError> {
        self.now_scope().plan(identity, data)
    }

    /// Opens a cookie value: verified, within its lifetimes, and of this type.
    ///
    /// # Errors
    /// [`OpenError`]; see [`OpenError::kind`].
    pub fn open<T: SessionData>(&self, value: &str) -> Result<Opened<T>, OpenError> {
        self.now_scope().open(value)
    }

    /// Opens a cookie value without reading its data yet; for types that borrow from it,
    /// and for claims alone.
    ///
    /// # Errors
    /// [`OpenError`]; see [`OpenError::kind`].
    pub fn open_token(&self, value: &str) -> Result<OpenedToken, OpenError> {
        self.now_scope().open_token(value)
    }

    /// The same codec at a given instant instead of the present one.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Scope<'_, S> {
        Scope::new(self, now)
    }

    /// The same codec with further data that must be the same when sealing and when
    /// opening, and that no token contains: the id of a device, say.
    #[must_use]
    pub fn bound_to<'c>(&'c self, caller_aad: &'c [u8]) -> Scope<'c, S> {
        self.now_scope().bound_to(caller_aad)
    }

    /// The subject of a user, for [`Identity::with_subject`]: the first 16 bytes of a hash
    /// of the application's context and the user's id.
    #[must_use]
    pub fn subject(&self, user_id: impl AsRef<[u8]>) -> Subject {
        Subject::of(self.context(), user_id.as_ref())
    }

    /// The application's context.
    #[must_use]
    pub fn context(&self) -> &str {
        self.own().map_or("", |domain| &domain.context)
    }

    /// The cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.own().map_or("", |domain| &domain.name)
    }

    /// The most bytes that the cookie's name and value may take together.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The lifetimes in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The keys in force.
    #[must_use]
    pub fn keys(&self) -> &SharedKeyRing {
        &self.keys
    }

    /// The subject of a user in each context whose tokens are opened.
    pub(crate) fn subjects(&self, user_id: &[u8]) -> impl Iterator<Item = Subject> {
        self.domains
            .iter()
            .map(move |domain| Subject::of(&domain.context, user_id))
    }

    /// The names beside the codec's own under which tokens are opened at `now`.
    pub(crate) fn former_names(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let own = self.name();
        let former = self.domains.iter().skip(1).filter(move |domain| {
            domain.name != own && domain.until.is_some_and(|until| now < until)
        });
        former.map(|domain| domain.name.as_str())
    }

    /// The present instant by the codec's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn own(&self) -> Option<&Domain> {
        self.domains.first()
    }

    fn now_scope(&self) -> Scope<'_, S> {
        self.at(self.clock.now())
    }

    /// The sub-keys of the ring in force. Held for one operation, and across no await.
    fn table(&self) -> Guard<Arc<KeyTable<S>>> {
        let table = self.table.load();
        if table.generation == self.keys.generation() {
            return table;
        }
        let table = Arc::new(Self::derive(&self.keys, self.provider, &self.domains));
        self.table.store(Arc::clone(&table));
        Guard::from_inner(table)
    }

    /// The same, once the ring has been read again if it does not know this key.
    fn table_for(&self, key_id: KeyId, now: Timestamp) -> Guard<Arc<KeyTable<S>>> {
        let table = self.table();
        if table.opening(key_id, now).is_none() && self.keys.reload_for_unknown_key(now) {
            return self.table();
        }
        table
    }

    fn derive(keys: &SharedKeyRing, provider: AeadProvider, domains: &[Domain]) -> KeyTable<S> {
        // The count first: a ring that is exchanged in between is derived once more.
        let generation = keys.generation();
        KeyTable::new(&keys.current(), generation, provider, domains)
    }
}

impl Codec<Encrypted> {
    /// The library whose AES is called.
    #[must_use]
    pub fn aead_provider(&self) -> AeadProvider {
        self.provider
    }
}

impl<S: Suite> fmt::Debug for Codec<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec")
            .field("suite", &S::ID)
            .field("context", &self.context())
            .field("name", &self.name())
            .field("limit", &self.limit)
            .field("provider", &self.provider)
            .field("keys", &self.keys)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// The bytes of `data` that the size limits speak of: its postcard encoding.
///
/// # Errors
/// [`SealError::Encode`].
pub fn encoded_len<T: Serialize>(data: &T) -> Result<usize, SealError> {
    crate::payload::encoded::to_postcard(data).map(|bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{
        crypto::OPERATIONS,
        error::OpenErrorKind,
        keys::{Key, KeyRing},
        payload::Plain,
    };

    fn builder<S: Suite>() -> CodecBuilder<S> {
        let hour = Duration::from_hours(1);
        let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
        let policy = Policy::new(hour, hour).unwrap();
        Codec::builder("example.com", keys, policy)
    }

    #[test]
    fn a_codec_says_what_it_was_built_with_and_a_plan_what_it_counted_on() {
        let codec = builder::<Encrypted>()
            .name("sid")
            .limit(500)
            .build()
            .unwrap();
        assert_eq!((codec.name(), codec.limit()), ("sid", 500));
        assert_eq!(codec.aead_provider(), AeadProvider::RustCrypto);
        let identity = codec.new_identity().unwrap();
        let data = Plain("x".repeat(100));
        assert_eq!(encoded_len(&data), Ok(101));
        let plan = codec.plan(&identity, &data).unwrap();
        let value = codec.seal(&identity, &data).unwrap().into_value();
        // 90 bytes of frame and 101 of body.
        assert_eq!((value.len(), plan.cookie_len()), (255, 258));
        assert_eq!((plan.limit(), plan.spare()), (500, 242));
    }

    #[test]
    fn former_names_are_accepted_until_their_date_and_former_contexts_keep_their_subjects() {
        let until = Timestamp::from_unix_seconds(2_000);
        let codec = builder::<Encrypted>()
            .accept_also("example.com", "sid", until)
            .accept_also("example.org", "__Host-session", until)
            .build()
            .unwrap();
        let names = |now| {
            let names = codec.former_names(Timestamp::from_unix_seconds(now));
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(1_999), ["sid"]);
        assert_eq!(names(2_000), [""; 0]);
        assert_eq!(names(2_001), [""; 0]);
        let own = Subject::of("example.com", b"42");
        let former = Subject::of("example.org", b"42");
        assert!(codec.subjects(b"42").eq([own, own, former]));
        assert_ne!(own, former);
    }

    #[test]
    fn a_replaced_ring_holds_for_the_next_call_of_every_thread() {
        let codec = builder::<Encrypted>().build().unwrap();
        let next = builder::<Encrypted>().build().unwrap();
        let seal = |codec: &EncryptedCodec| {
            let identity = codec.new_identity().unwrap();
            codec.seal(&identity, &Plain(7_u8)).unwrap().into_value()
        };
        let (old, new) = (seal(&codec), seal(&next));
        let opens = |value: &str| codec.open::<Plain<u8>>(value).is_ok();
        // Where a side panics, its end of the channel goes, and the other does not wait.
        let (ready, wait) = std::sync::mpsc::channel();
        let (replaced, until) = std::sync::mpsc::channel();
        let (opens, old, new) = (&opens, &old, &new);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                assert!(opens(old) && !opens(new));
                ready.send(()).unwrap();
                until.recv().unwrap();
                assert!(!opens(old) && opens(new));
            });
            wait.recv().unwrap();
            // As an operation that is under way holds it.
            let held = codec.table();
            let ring = KeyRing::clone(&next.keys().current());
            codec.keys().replace(ring, codec.now()).unwrap();
            assert!(!opens(old) && opens(new));
            replaced.send(()).unwrap();
            assert_eq!(held.generation, 0);
            assert_eq!(codec.table().generation, 1);
            drop(replaced);
        });
    }

    #[test]
    fn keys_are_dropped_with_the_codec_though_threads_live_on() {
        let codec = Arc::new(builder::<Encrypted>().build().unwrap());
        let table = Arc::downgrade(&codec.table.load_full());
        let (used, wait) = std::sync::mpsc::channel();
        let (over, until) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn({
            let codec = Arc::clone(&codec);
            move || {
                codec.seal(&codec.new_identity()?, &Plain(7_u8))?;
                drop(codec);
                used.send(()).unwrap();
                let _ = until.recv();
                Ok::<_, SealError>(())
            }
        });
        wait.recv().unwrap();
        drop(codec);
        assert!(table.upgrade().is_none());
        drop(over);
        thread.join().unwrap().unwrap();
    }

    /// How many HMACs, single AES blocks and AES-GCM messages `then` takes.
    fn operations<T>(then: impl FnOnce() -> T) -> (T, usize) {
        let before = OPERATIONS.get();
        let outcome = then();
        (outcome, OPERATIONS.get() - before)
    }

    fn check<S: Suite>(expected: usize, codec: impl Fn() -> Codec<S>) {
        let (ours, theirs) = (codec(), codec());
        let identity = ours.new_identity().unwrap();
        let (sealed, count) = operations(|| ours.seal(&identity, &Plain(7_u8)).unwrap());
        assert_eq!(count, expected);
        let (opened, count) = operations(|| ours.open::<Plain<u8>>(sealed.value()));
        assert_eq!((opened.unwrap().into_data(), count), (Plain(7), expected));

        for (value, kind) in [
            (sealed.value(), OpenErrorKind::UnknownKey),
            ("", OpenErrorKind::Absent),
            (&"x".repeat(4096), OpenErrorKind::WrongSuite),
            (&".".repeat(4096), OpenErrorKind::Malformed),
            (&"x".repeat(4097), OpenErrorKind::TooLarge),
        ] {
            let (error, count) = operations(|| theirs.open_token(value).unwrap_err());
            assert_eq!((error.kind(), count), (kind, 0));
        }
        // Garbage after a key id that we know: the whole text is not base64.
        let garbage = format!("{}.", sealed.value());
        let (error, count) = operations(|| ours.open_token(&garbage).unwrap_err());
        assert_eq!((error.kind(), count), (OpenErrorKind::Malformed, 0));
    }

    #[test]
    fn encrypted_token_takes_two_aes_blocks_and_one_gcm() {
        for &provider in AeadProvider::EACH {
            check(3, || {
                let builder = builder::<Encrypted>().aead_provider(provider);
                builder.build().unwrap()
            });
        }
    }

    #[test]
    fn signed_token_takes_one_hmac() {
        check(1, || builder::<Signed>().build().unwrap());
    }
}

#[cfg(test)]
#[path = "provider_tests.rs"]
mod provider_tests;
