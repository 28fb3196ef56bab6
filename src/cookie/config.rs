//! What the cookie is, and its `Set-Cookie` header values.

use core::{fmt::Write as _, time::Duration};

use super::{
    CookieConfigBuilder, CookieConfigError, MAX_MAX_AGE, MAX_NAME_VALUE_LEN, is_value,
    is_value_octet,
};

/// A cookie's name and attributes, checked against what browsers accept.
///
/// The default is `__Host-session` with `Secure`, `HttpOnly`, `SameSite=Lax`,
/// `Path=/` and no `Domain`.
///
/// ```
/// use core::time::Duration;
/// use sealed_session::cookie::CookieConfig;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = CookieConfig::default();
/// assert_eq!(
///     config.set_cookie("abc", Some(Duration::from_secs(3600)))?,
///     "__Host-session=abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=3600",
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieConfig {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) domain: Option<String>,
    pub(super) same_site: SameSite,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) partitioned: bool,
    pub(super) former: Vec<CookieConfig>,
}

impl Default for CookieConfig {
    fn default() -> Self {
        Self {
            name: String::from("__Host-session"),
            path: String::from("/"),
            domain: None,
            same_site: SameSite::Lax,
            secure: true,
            http_only: true,
            partitioned: false,
            former: Vec::new(),
        }
    }
}

impl CookieConfig {
    /// Starts from the default.
    pub fn builder() -> CookieConfigBuilder {
        Self::default().into_builder()
    }

    /// Starts from the default under another name.
    ///
    /// ```
    /// use sealed_session::cookie::{CookieConfig, SameSite};
    ///
    /// # fn main() -> Result<(), sealed_session::cookie::CookieConfigError> {
    /// let cart = CookieConfig::named("__Host-cart").same_site(SameSite::Strict).build()?;
    /// assert_eq!(cart.name(), "__Host-cart");
    /// # Ok(())
    /// # }
    /// ```
    pub fn named(name: impl Into<String>) -> CookieConfigBuilder {
        Self::builder().name(name)
    }

    /// The cookie `session` without `Secure`, for development over plain http.
    ///
    /// Anyone on the network can read and replace this cookie. It is the only
    /// way to a cookie without `Secure`.
    #[must_use]
    pub fn insecure_dev() -> Self {
        Self {
            name: String::from("session"),
            secure: false,
            ..Self::default()
        }
    }

    /// Declares that the cookie had another name before, and the same attributes.
    pub(crate) fn also_formerly_named(self, name: &str) -> Result<Self, CookieConfigError> {
        let mut former = self.clone();
        former.former.clear();
        let former = former.into_builder().name(name).build()?;
        self.into_builder().formerly(former).build()
    }

    /// Starts from this configuration, its former cookies included.
    pub const fn into_builder(self) -> CookieConfigBuilder {
        CookieConfigBuilder::new(self)
    }

    /// Formats the header value that sets the cookie, what follows
    /// `Set-Cookie: `.
    ///
    /// `max_age` is rounded down to whole seconds and brought between one
    /// second (zero would remove the cookie) and [`MAX_MAX_AGE`]. Without it
    /// the cookie lasts until the browser ends its session.
    ///
    /// # Errors
    ///
    /// [`CookieError::IllegalValue`] if an octet of `value` may not stand in a
    /// cookie, [`CookieError::TooLarge`] if a browser would drop the header and
    /// keep the previous cookie.
    pub fn set_cookie(
        &self,
        value: &str,
        max_age: Option<Duration>,
    ) -> Result<String, CookieError> {
        if !is_value(value.as_bytes()) {
            let illegal = value.bytes().position(|octet| !is_value_octet(octet));
            let position = illegal.unwrap_or_default();
            return Err(CookieError::IllegalValue { position });
        }
        let size = self.name.len().saturating_add(value.len());
        if size > MAX_NAME_VALUE_LEN {
            return Err(CookieError::TooLarge {
                size,
                limit: MAX_NAME_VALUE_LEN,
            });
        }
        Ok(self.header(value, max_age.map(whole_seconds)))
    }

    /// Formats the header value that removes the cookie: the same attributes,
    /// an empty value, `Max-Age=0` and an `Expires` of 1970.
    #[must_use]
    pub fn removal(&self) -> String {
        self.header("", Some(0)) + "; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    }

    /// Formats the header values that remove the cookie and those declared
    /// with [`CookieConfigBuilder::formerly`], this cookie's first. Each needs
    /// a `Set-Cookie` line of its own.
    ///
    /// ```
    /// use sealed_session::cookie::CookieConfig;
    ///
    /// # fn main() -> Result<(), sealed_session::cookie::CookieConfigError> {
    /// let former = CookieConfig::named("sid").domain("example.com").build()?;
    /// let config = CookieConfig::builder().formerly(former).build()?;
    /// let removals = config.removals();
    /// assert_eq!(removals.len(), 2);
    /// assert!(removals[0].starts_with("__Host-session=; "));
    /// assert!(removals[1].starts_with("sid=; ") && removals[1].contains("; Domain=example.com"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn removals(&self) -> Vec<String> {
        core::iter::once(self)
            .chain(&self.former)
            .map(Self::removal)
            .collect()
    }

    /// Greatest length of a value for this name, in octets.
    #[must_use]
    pub const fn max_value_len(&self) -> usize {
        MAX_NAME_VALUE_LEN.saturating_sub(self.name.len())
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `Path`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The `Domain`, in lower case and without a leading dot. `None` keeps the
    /// cookie on the host that set it.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// The `SameSite` attribute.
    #[must_use]
    pub const fn same_site(&self) -> SameSite {
        self.same_site
    }

    /// Whether the cookie is `Secure`: sent over https only.
    #[must_use]
    pub const fn secure(&self) -> bool {
        self.secure
    }

    /// Whether the cookie is `HttpOnly`: hidden from scripts.
    #[must_use]
    pub const fn http_only(&self) -> bool {
        self.http_only
    }

    /// Whether the cookie is `Partitioned`: kept apart for each top-level site.
    #[must_use]
    pub const fn partitioned(&self) -> bool {
        self.partitioned
    }

    /// The cookies declared with [`CookieConfigBuilder::formerly`].
    #[must_use]
    pub fn former(&self) -> &[Self] {
        &self.former
    }

    /// Name, value and attributes, in one buffer of their size.
    fn header(&self, value: &str, max_age: Option<u64>) -> String {
        let written = |is_set: bool, attribute| if is_set { attribute } else { "" };
        let domain = self.domain.as_deref();
        let pieces = [
            &self.name,
            "=",
            value,
            written(self.http_only, "; HttpOnly"),
            "; SameSite=",
            self.same_site.as_str(),
            written(self.partitioned, "; Partitioned"),
            written(self.secure, "; Secure"),
            "; Path=",
            &self.path,
            written(domain.is_some(), "; Domain="),
            domain.unwrap_or_default(),
        ];
        let len = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        let mut header = String::with_capacity(len.saturating_add(LONGEST_MAX_AGE.len()));
        header.extend(pieces);
        if let Some(seconds) = max_age {
            // A string takes all that is written to it.
            let _ = write!(header, "; Max-Age={seconds}");
        }
        header
    }

    /// What tells two cookies of one host apart in a browser.
    pub(super) fn identity(&self) -> (&str, &str, Option<&str>, bool) {
        (&self.name, &self.path, self.domain(), self.partitioned)
    }
}

/// When a browser sends the cookie along with requests from other sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only when the user navigates here by a safe method.
    Lax,
    /// Always. Needs `Secure`.
    None,
}

impl SameSite {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

/// Why [`CookieConfig::set_cookie`] refused a value. Never shows the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieError {
    /// The value has an octet that may not stand in a cookie.
    #[error("the cookie value has an illegal octet at position {position}")]
    IllegalValue {
        /// Where the first illegal octet stands.
        position: usize,
    },
    /// Name and value together are longer than [`MAX_NAME_VALUE_LEN`].
    #[error("the cookie name and value have {size} octets, more than {limit}")]
    TooLarge {
        /// Their length in octets.
        size: usize,
        /// The greatest length.
        limit: usize,
    },
}

/// With [`MAX_MAX_AGE`].
const LONGEST_MAX_AGE: &str = "; Max-Age=34560000";

fn whole_seconds(max_age: Duration) -> u64 {
    max_age.as_secs().clamp(1, MAX_MAX_AGE.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_attribute() -> CookieConfig {
        let builder = CookieConfig::named("__Secure-id").path("/app");
        let builder = builder.domain(".Example.COM").same_site(SameSite::None);
        builder.partitioned(true).build().unwrap()
    }

    #[test]
    fn the_attributes_are_written_as_configured() {
        let readable = CookieConfig::builder().dangerous_readable_by_scripts();
        for (config, written) in [
            (
                CookieConfig::default(),
                "__Host-session=v; HttpOnly; SameSite=Lax; Secure; Path=/",
            ),
            (
                CookieConfig::insecure_dev(),
                "session=v; HttpOnly; SameSite=Lax; Path=/",
            ),
            (
                readable.build().unwrap(),
                "__Host-session=v; SameSite=Lax; Secure; Path=/",
            ),
            (
                every_attribute(),
                "__Secure-id=v; HttpOnly; SameSite=None; Partitioned; Secure; Path=/app; \
                 Domain=example.com",
            ),
        ] {
            assert_eq!(config.set_cookie("v", None).unwrap(), written);
        }
    }

    #[test]
    fn a_removal_has_the_same_attributes_and_is_expired() {
        for config in [CookieConfig::default(), every_attribute()] {
            assert_eq!(
                config.removal(),
                config.set_cookie("", None).unwrap()
                    + "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
            );
        }
    }

    #[test]
    fn max_age_is_whole_seconds_between_one_and_four_hundred_days() {
        for (max_age, written) in [
            (Duration::ZERO, "1"),
            (Duration::from_millis(1_999), "1"),
            (Duration::from_millis(90_999), "90"),
            (MAX_MAX_AGE, "34560000"),
            (Duration::MAX, "34560000"),
        ] {
            let header = CookieConfig::default().set_cookie("v", Some(max_age));
            let header = header.unwrap();
            assert_eq!(header.rsplit_once("; Max-Age=").unwrap().1, written);
            let without = CookieConfig::default().set_cookie("v", None).unwrap();
            let sized = without.len() + LONGEST_MAX_AGE.len();
            assert_eq!(header.capacity(), sized, "it has not grown");
        }
    }

    #[test]
    fn the_size_is_name_plus_value_without_attributes() {
        let path = format!("/{}", "p".repeat(1000));
        let config = CookieConfig::named("__Secure-id").path(path);
        let config = config.build().unwrap();
        assert_eq!(config.max_value_len(), 4085);
        assert!(config.set_cookie(&"v".repeat(4085), None).is_ok());
        let (size, limit) = (4097, 4096);
        assert_eq!(
            config.set_cookie(&"v".repeat(4086), None),
            Err(CookieError::TooLarge { size, limit })
        );
    }

    #[test]
    fn a_value_with_an_illegal_octet_is_refused_without_showing_it() {
        for illegal in [" ", "\"", ",", ";", "\\", "\r\n", "\0", "\x7F", "ä"] {
            let value = format!("topsecret{illegal}x");
            let error = CookieConfig::default().set_cookie(&value, None);
            let error = error.unwrap_err();
            assert_eq!(error, CookieError::IllegalValue { position: 9 });
            assert!(!format!("{error} {error:?}").contains("topsecret"));
        }
    }

    #[test]
    fn removals_cover_the_current_and_all_former_cookies() {
        let oldest = CookieConfig::named("old").build().unwrap();
        let older = CookieConfig::named("sid").path("/app");
        let older = older.formerly(oldest.clone()).build().unwrap();
        let config = CookieConfig::builder().formerly(older.clone());
        assert_eq!(
            config.build().unwrap().removals(),
            [
                CookieConfig::default().removal(),
                older.removal(),
                oldest.removal()
            ]
        );
    }
}
