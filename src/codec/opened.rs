//! What sealing gives and what opening gives.

use core::{fmt, ops::Range};

use serde::Deserialize;

use crate::{
    claims::{Claims, Identity},
    error::{OpenError, OpenErrorKind},
    payload::{self, SessionData, body, from_postcard},
    wiped::Wiped,
};

/// A sealed session: the value of its cookie, and what it claims.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    value: String,
    claims: Claims,
}

impl Sealed {
    pub(super) fn new(value: String, claims: Claims) -> Self {
        Self { value, claims }
    }

    /// The cookie's value: base64url, safe in a header as it is.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The cookie's value.
    #[must_use]
    pub fn into_value(self) -> String {
        self.value
    }

    /// What the token claims.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}

/// The value is as good as a password: not shown.
impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("value_len", &self.value.len())
            .field("claims", &self.claims)
            .finish()
    }
}

/// What sealing a session would come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    cookie_len: usize,
    limit: usize,
    deflated: bool,
}

impl Plan {
    pub(super) fn new(cookie_len: usize, limit: usize, deflated: bool) -> Self {
        Self {
            cookie_len,
            limit,
            deflated,
        }
    }

    /// Bytes of the cookie's name and value together.
    #[must_use]
    pub fn cookie_len(&self) -> usize {
        self.cookie_len
    }

    /// The most that they may be.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Whether the session fits the cookie.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.cookie_len <= self.limit
    }

    /// Bytes of the cookie that are left: three for every four bytes of data.
    #[must_use]
    pub fn spare(&self) -> usize {
        self.limit.saturating_sub(self.cookie_len)
    }

    /// Whether it fits only because it is compressed.
    #[must_use]
    pub fn is_deflated(&self) -> bool {
        self.deflated
    }
}

/// An opened token: authentic, alive, and its data still in bytes, which are wiped when
/// it is dropped.
pub struct OpenedToken {
    claims: Claims,
    bytes: Wiped,
    body: Range<usize>,
    needs_rekey: bool,
    needs_refresh: bool,
}

impl OpenedToken {
    pub(super) fn new(
        claims: Claims,
        bytes: Wiped,
        body: Range<usize>,
        needs_rekey: bool,
        needs_refresh: bool,
    ) -> Self {
        Self {
            claims,
            bytes,
            body,
            needs_rekey,
            needs_refresh,
        }
    }

    /// What the token claims.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Whether to re-seal the token: its key is superseded, or its name or context is a
    /// former one.
    #[must_use]
    pub fn needs_rekey(&self) -> bool {
        self.needs_rekey
    }

    /// Whether to refresh the token: a tenth of the idle timeout has passed.
    #[must_use]
    pub fn needs_refresh(&self) -> bool {
        self.needs_refresh
    }

    /// The session's data in postcard.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(self.body.clone()).unwrap_or_default()
    }

    /// The session's data in postcard, in the buffer that it was opened in.
    pub(crate) fn into_bytes(mut self) -> Wiped {
        let Range { start, end } = self.body;
        let bytes = &mut self.bytes.0;
        if start <= end && end <= bytes.len() {
            bytes.copy_within(start..end, 0);
            bytes.truncate(end.saturating_sub(start));
        }
        self.bytes
    }

    /// The session's data.
    ///
    /// # Errors
    /// [`OpenErrorKind::Schema`], and [`OpenErrorKind::Unsupported`] when a newer version of
    /// the type wrote it.
    pub fn data<T: SessionData>(&self) -> Result<T, OpenError> {
        let Claims { schema, shape, .. } = self.claims;
        if self.is_of::<T>() {
            return from_postcard(self.bytes()).ok_or(SCHEMA);
        }
        if schema > T::SCHEMA {
            return Err(NEWER);
        }
        T::migrate(schema, shape, self.bytes()).ok_or(if schema == T::SCHEMA {
            UNVERSIONED
        } else {
            SCHEMA
        })
    }

    /// Whether the data was written by this version of the type (SPEC section 6.4).
    pub(crate) fn is_of<T: SessionData>(&self) -> bool {
        payload::is_of::<T>(self.claims.schema, self.claims.shape)
    }

    /// The session's data in a type that borrows its text from the token: the fastest way
    /// to read a large session.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use sealed_session::{EncryptedCodec, Policy, SessionData, keys::{Key, KeyRing}};
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Serialize, Deserialize, SessionData)]
    /// struct Login { name: String }
    ///
    /// #[derive(Deserialize)]
    /// struct LoginRef<'a> { name: &'a str }
    ///
    /// # fn main() -> Result<(), Box<dyn core::error::Error>> {
    /// # let keys = KeyRing::single(Key::generate()?)?;
    /// # let policy = Policy::new(Duration::from_secs(60), Duration::from_secs(60))?;
    /// # let codec = EncryptedCodec::builder("example.com", keys, policy).build()?;
    /// # let sealed = codec.seal(&codec.new_identity()?, &Login { name: "Ada".into() })?;
    /// let opened = codec.open_token(sealed.value())?;
    /// let login = opened.borrow::<Login, LoginRef<'_>>()?;
    /// assert_eq!(login.name, "Ada");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OpenErrorKind::Schema`], also when the token is of another version of `T`;
    /// [`OpenErrorKind::Unsupported`] when it is of a newer one.
    pub fn borrow<'a, T: SessionData, B: Deserialize<'a>>(&'a self) -> Result<B, OpenError> {
        if self.is_of::<T>() {
            from_postcard(self.bytes()).ok_or(SCHEMA)
        } else if self.claims.schema > T::SCHEMA {
            Err(NEWER)
        } else {
            Err(SCHEMA)
        }
    }

    /// Inflates the body and removes its padding.
    pub(super) fn expand(&mut self) -> Result<(), OpenError> {
        let shape = body::Shape {
            deflated: self.claims.deflated,
            padded: self.claims.padded,
        };
        let body = self.body.clone();
        self.body = body::expand(&mut self.bytes, body, shape, body::MAX_INFLATED)?;
        Ok(())
    }

    pub(super) fn into_opened<T: SessionData>(self) -> Result<Opened<T>, OpenError> {
        Ok(Opened {
            data: self.data()?,
            claims: self.claims,
            needs_rekey: self.needs_rekey,
            needs_refresh: self.needs_refresh,
        })
    }
}

const SCHEMA: OpenError = OpenError::new(
    OpenErrorKind::Schema,
    "the data is not of the type that was asked for",
);

const NEWER: OpenError = OpenError::new(
    OpenErrorKind::Unsupported,
    "a newer version of the session type wrote the data",
);

const UNVERSIONED: OpenError = OpenError::new(
    OpenErrorKind::Schema,
    "the type changed without a new version",
);

impl fmt::Debug for OpenedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedToken")
            .field("claims", &self.claims)
            .field("len", &self.body.len())
            .field("needs_rekey", &self.needs_rekey)
            .field("needs_refresh", &self.needs_refresh)
            .finish_non_exhaustive()
    }
}

/// An opened session: authentic, alive, and of the type that was asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened<T> {
    data: T,
    claims: Claims,
    needs_rekey: bool,
    needs_refresh: bool,
}

impl<T> Opened<T> {
    /// The session's data.
    #[must_use]
    pub fn data(&self) -> &T {
        &self.data
    }

    /// The session's data.
    #[must_use]
    pub fn into_data(self) -> T {
        self.data
    }

    /// What the token claims.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The identity to re-seal the session with.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.claims.identity()
    }

    /// As [`OpenedToken::needs_rekey`].
    #[must_use]
    pub fn needs_rekey(&self) -> bool {
        self.needs_rekey
    }

    /// As [`OpenedToken::needs_refresh`].
    #[must_use]
    pub fn needs_refresh(&self) -> bool {
        self.needs_refresh
    }
}

/// Without the data.
impl<T> fmt::Debug for Opened<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("claims", &self.claims)
            .field("needs_rekey", &self.needs_rekey)
            .field("needs_refresh", &self.needs_refresh)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{
        codec::EncryptedCodec,
        expiry::Policy,
        keys::{Key, KeyRing, RingKey},
        payload::Plain,
        time::Timestamp,
    };

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);
    const MINUTE: Duration = Duration::from_mins(1);

    /// Its key is superseded five minutes from now.
    fn codec() -> EncryptedCodec {
        let entry = |from| RingKey::new(Key::generate().unwrap(), from);
        let keys = KeyRing::new([entry(Timestamp::MIN), entry(NOW + 5 * MINUTE)]).unwrap();
        let policy = Policy::new(10 * MINUTE, 60 * MINUTE).unwrap();
        EncryptedCodec::builder("example.com", keys, policy)
            .build()
            .unwrap()
    }

    #[test]
    fn a_plan_fits_up_to_its_limit_and_says_what_is_left() {
        let plan = |cookie_len| Plan::new(cookie_len, 10, false);
        assert_eq!((plan(7).fits(), plan(7).spare()), (true, 3));
        assert_eq!((plan(10).fits(), plan(10).spare()), (true, 0));
        assert_eq!((plan(11).fits(), plan(11).spare()), (false, 0));
        assert!(!plan(7).is_deflated());
        assert!(Plan::new(7, 10, true).is_deflated());
    }

    #[test]
    fn a_session_needs_refresh_by_age_and_rekey_by_its_key() {
        let codec = codec();
        let scope = codec.at(NOW);
        let identity = scope.new_identity().unwrap();
        let sealed = scope.seal(&identity, &Plain(7_u8)).unwrap();
        let asks = |after| {
            let scope = codec.at(NOW + after);
            let token = scope.open_token(sealed.value()).unwrap();
            let opened = scope.open::<Plain<u8>>(sealed.value()).unwrap();
            let asks = (opened.needs_refresh(), opened.needs_rekey());
            assert_eq!((token.needs_refresh(), token.needs_rekey()), asks);
            asks
        };
        assert_eq!(asks(Duration::from_secs(59)), (false, false));
        assert_eq!(asks(MINUTE), (true, false));
        assert_eq!(asks(5 * MINUTE), (true, true));
    }

    #[test]
    fn data_is_borrowed_in_its_own_schema_only() {
        #[derive(serde::Serialize, Deserialize)]
        struct Next(String);
        impl SessionData for Next {
            const SCHEMA: u16 = 1;
        }
        let codec = codec();
        let scope = codec.at(NOW);
        let identity = scope.new_identity().unwrap();
        let sealed = scope.seal(&identity, &Plain("Ada".to_owned())).unwrap();
        let token = scope.open_token(sealed.value()).unwrap();
        assert_eq!(token.borrow::<Plain<String>, &str>(), Ok("Ada"));
        let error = token.borrow::<Next, &str>().unwrap_err();
        assert_eq!(error.kind(), OpenErrorKind::Schema);
        let bytes = token.bytes().to_vec();
        assert_eq!(bytes, b"\x03Ada");
        assert_eq!(token.into_bytes().0, bytes, "and nothing around them");
    }
}
