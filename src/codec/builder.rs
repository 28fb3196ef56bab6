//! How a codec is configured, and what is refused.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{
    AeadProvider, Codec,
    suite::{Encrypted, Suite},
    table::Domain,
};
use crate::{
    expiry::Policy,
    keys::{RingError, SharedKeyRing},
    payload::Compression,
    random::{OsRandom, Random},
    time::{Clock, SystemClock, Timestamp},
    token::MAX_COOKIE_LEN,
};

/// The cookie name that browsers bind to one host over TLS (RFC 6265bis, `__Host-`).
const DEFAULT_NAME: &str = "__Host-session";

/// The most former names or contexts that a codec accepts.
const MAX_FORMER: usize = 4;

/// Configures a [`Codec`]; see [`Codec::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct CodecBuilder<S: Suite> {
    domains: Vec<Domain>,
    keys: SharedKeyRing,
    policy: Policy,
    limit: usize,
    compression: Compression,
    provider: AeadProvider,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    suite: core::marker::PhantomData<fn() -> S>,
}

impl<S: Suite> CodecBuilder<S> {
    pub(super) fn new(context: String, keys: SharedKeyRing, policy: Policy) -> Self {
        let own = Domain {
            context,
            name: DEFAULT_NAME.to_owned(),
            until: None,
        };
        Self {
            domains: vec![own],
            keys,
            policy,
            limit: MAX_COOKIE_LEN,
            compression: Compression::default(),
            provider: AeadProvider::default(),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            suite: core::marker::PhantomData,
        }
    }

    /// The cookie's name, `__Host-session` by default. It is part of the key: a token
    /// under one name does not open under another. A token that travels in a header
    /// instead needs a name of its own.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        if let Some(own) = self.domains.first_mut() {
            own.name = name.into();
        }
        self
    }

    /// The most bytes of name and value together: 4096 by default, which is what browsers
    /// keep, and never more.
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// What is compressed: by default records in a store, and no cookie.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Goes on opening tokens of a former context or name, up to four, each until a date:
    /// a rename that logs nobody out. Such a session is sealed anew at its next response,
    /// which removes the cookie of the former name.
    ///
    /// Former names are looked at only where a request carries no valid token under the
    /// codec's own name. Until the date whoever can set a cookie of a former name can give
    /// a session of their own to a visitor who has none: keep the time short where the
    /// former name does not begin with `__Host-`. Servers that still use the former name
    /// must accept the new one before the first server uses it, or sessions that come back
    /// to them are lost. A former cookie with another `Path` or `Domain` than the new one
    /// is removed only if it is declared, with
    /// [`formerly`](crate::cookie::CookieConfigBuilder::formerly).
    ///
    /// A session that began under a former *context* keeps its subject, which is a hash of
    /// that context: keep the entry for the longest absolute timeout after its date, so
    /// that logging out everywhere still finds it.
    pub fn accept_also(
        mut self,
        context: impl Into<String>,
        name: impl Into<String>,
        until: Timestamp,
    ) -> Self {
        self.domains.push(Domain {
            context: context.into(),
            name: name.into(),
            until: Some(until),
        });
        self
    }

    /// The former names, of whatever date.
    pub(crate) fn former_names(&self) -> impl Iterator<Item = &str> {
        let domains = self.domains.iter().skip(1);
        domains.map(|domain| domain.name.as_str())
    }

    /// Another clock than the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Another source of random bytes than the operating system. Whoever can predict it
    /// can make sessions: for tests and vectors.
    pub fn dangerous_random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Checks the configuration and derives the sub-keys.
    ///
    /// # Errors
    /// [`ConfigError`] when a name is one that browsers refuse, a limit leaves no room,
    /// or the ring would end live sessions of this policy or cannot seal now.
    pub fn build(self) -> Result<Codec<S>, ConfigError> {
        for domain in &self.domains {
            if domain.context.len() > usize::from(u16::MAX) {
                return Err(ConfigError::ContextTooLong);
            }
            if domain.name.is_empty() || !domain.name.bytes().all(is_token_byte) {
                return Err(ConfigError::Name(domain.name.clone()));
            }
        }
        if self.domains.len() > MAX_FORMER.saturating_add(1) {
            return Err(ConfigError::TooManyFormer);
        }
        let longest_name = self.domains.iter().map(|domain| domain.name.len()).max();
        let smallest =
            crate::token::text_len(S::ID.min_len()).saturating_add(longest_name.unwrap_or(0));
        if self.limit > MAX_COOKIE_LEN || self.limit < smallest {
            return Err(ConfigError::Limit {
                limit: self.limit,
                smallest,
            });
        }
        let now = self.clock.now();
        if self.keys.current().sealing_key(now).is_none() {
            return Err(ConfigError::Ring(RingError::NoSealingKey(now)));
        }
        self.keys.require_idle(self.policy.longest_idle())?;
        let table = Codec::derive(&self.keys, self.provider, &self.domains);
        Ok(Codec {
            domains: self.domains,
            keys: self.keys,
            table: ArcSwap::from_pointee(table),
            policy: self.policy,
            limit: self.limit,
            compression: self.compression,
            provider: self.provider,
            clock: self.clock,
            random: self.random,
            suite: self.suite,
        })
    }
}

impl CodecBuilder<Encrypted> {
    /// Sets the library whose AES seals and opens, tokens and records alike:
    /// [`AeadProvider::RustCrypto`] by default. The bytes are the same under each, so this
    /// may be changed at any time, and differ between servers.
    ///
    /// ```
    /// # use sealed_session::codec::{AeadProvider, CodecBuilder, Encrypted};
    /// # fn configure(builder: CodecBuilder<Encrypted>) -> CodecBuilder<Encrypted> {
    /// # #[cfg(feature = "aws-lc")]
    /// let builder = builder.aead_provider(AeadProvider::AwsLc); // with the feature aws-lc
    /// # builder
    /// # }
    /// ```
    pub fn aead_provider(mut self, provider: AeadProvider) -> Self {
        self.provider = provider;
        self
    }
}

impl<S: Suite> core::fmt::Debug for CodecBuilder<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CodecBuilder")
            .field("suite", &S::ID)
            .field("domains", &self.domains)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A configuration that would fail in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A context of more than 65,535 bytes.
    #[error("the context is longer than 65,535 bytes")]
    ContextTooLong,
    /// More than four former names or contexts.
    #[error("at most four former names or contexts are accepted")]
    TooManyFormer,
    /// A name that no cookie and no header can have.
    #[error("{0:?} is not a name for a cookie or a header (RFC 9110, token)")]
    Name(String),
    /// A limit that browsers do not keep, or that no session fits.
    #[error("the limit of {limit} bytes is not between {smallest} and {MAX_COOKIE_LEN}")]
    Limit {
        /// The limit that was asked for.
        limit: usize,
        /// The smallest that holds a token without a body.
        smallest: usize,
    },
    /// The keys do not serve this policy, or do not serve now.
    #[error(transparent)]
    Ring(#[from] RingError),
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{
        codec::Encrypted,
        keys::{Key, KeyRing, RingKey},
        time::TestClock,
    };

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
    const HOUR: Duration = Duration::from_hours(1);

    fn key() -> Key {
        Key::generate().unwrap()
    }

    fn with(context: &str, ring: KeyRing) -> CodecBuilder<Encrypted> {
        let policy = Policy::new(HOUR, 24 * HOUR).unwrap();
        Codec::builder(context, ring, policy).clock(TestClock::at(NOW))
    }

    fn builder() -> CodecBuilder<Encrypted> {
        with("example.com", KeyRing::single(key()).unwrap())
    }

    fn refused(builder: CodecBuilder<Encrypted>) -> Option<ConfigError> {
        builder.build().err()
    }

    #[test]
    fn a_name_that_is_no_token_is_refused_and_a_former_one_too() {
        for name in ["", "a b", "a;b", "a=b", "a\"", "a\u{7f}", "ä", "a\n"] {
            let error = Some(ConfigError::Name(name.to_owned()));
            assert_eq!(refused(builder().name(name)), error);
            let former = builder().accept_also("example.com", name, NOW);
            assert_eq!(refused(former), error);
        }
        let legal = "azAZ09!#$%&'*+-.^_`|~";
        assert_eq!(refused(builder().name(legal)), None);
    }

    #[test]
    fn a_context_has_at_most_65535_bytes() {
        let context = |len| with(&"c".repeat(len), KeyRing::single(key()).unwrap());
        assert_eq!(refused(context(65_535)), None);
        assert_eq!(refused(context(65_536)), Some(ConfigError::ContextTooLong));
    }

    #[test]
    fn four_former_names_are_accepted_and_a_fifth_is_not() {
        let former = |count| {
            (0..count).fold(builder(), |builder, _| {
                builder.accept_also("example.com", "sid", NOW)
            })
        };
        assert_eq!(refused(former(4)), None);
        assert_eq!(refused(former(5)), Some(ConfigError::TooManyFormer));
        assert_eq!(former(2).former_names().collect::<Vec<_>>(), ["sid", "sid"]);
    }

    /// 90 bytes are 120 characters; the name is the cookie's, or a longer former one.
    #[test]
    fn a_limit_holds_an_empty_token_and_is_one_that_browsers_keep() {
        let refusal = |limit, smallest| Some(ConfigError::Limit { limit, smallest });
        assert_eq!(refused(builder().limit(134)), None);
        assert_eq!(refused(builder().limit(133)), refusal(133, 134));
        assert_eq!(refused(builder().limit(4096)), None);
        assert_eq!(refused(builder().limit(4097)), refusal(4097, 134));
        let former = builder().accept_also("example.com", "a-longer-former-name", NOW);
        assert_eq!(refused(former.limit(139)), refusal(139, 140));
    }

    #[test]
    fn a_ring_that_cannot_seal_yet_or_closes_too_early_is_refused() {
        let later = KeyRing::new([RingKey::new(key(), NOW + HOUR)]).unwrap();
        assert_eq!(
            refused(with("example.com", later)),
            Some(ConfigError::Ring(RingError::NoSealingKey(NOW)))
        );
        let closing = KeyRing::new([
            RingKey::new(key(), NOW - HOUR).with_opens_until(NOW + HOUR),
            RingKey::new(key(), NOW),
        ]);
        assert!(matches!(
            refused(with("example.com", closing.unwrap())),
            Some(ConfigError::Ring(RingError::ClosesTooEarly { .. }))
        ));
    }
}
