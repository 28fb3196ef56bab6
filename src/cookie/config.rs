//! Declares the cookie and writes its `Set-Cookie` header values.

use core::time::Duration;

use ::cookie::Cookie;
use ::cookie::time::{Duration as CookieDuration, OffsetDateTime};

use super::{
    MAX_ATTRIBUTE_LEN, MAX_FORMER, MAX_MAX_AGE, MAX_NAME_LEN, MAX_NAME_VALUE_LEN, is_value_octet,
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
    name: String,
    path: String,
    domain: Option<String>,
    same_site: SameSite,
    secure: bool,
    http_only: bool,
    partitioned: bool,
    former: Vec<CookieConfig>,
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

    /// Starts from this configuration, its former cookies included.
    pub const fn into_builder(self) -> CookieConfigBuilder {
        CookieConfigBuilder { draft: self }
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
        if let Some(position) = value.bytes().position(|octet| !is_value_octet(octet)) {
            return Err(CookieError::IllegalValue { position });
        }
        let mut cookie = self.with_attributes(value);
        if let Some(max_age) = max_age {
            cookie.set_max_age(whole_seconds(max_age));
        }
        let header = cookie.to_string();
        let size = name_value_len(&header);
        if size > MAX_NAME_VALUE_LEN {
            return Err(CookieError::TooLarge {
                size,
                limit: MAX_NAME_VALUE_LEN,
            });
        }
        Ok(header)
    }

    /// Formats the header value that removes the cookie: the same attributes,
    /// an empty value, `Max-Age=0` and an `Expires` of 1970.
    #[must_use]
    pub fn removal(&self) -> String {
        let mut cookie = self.with_attributes("");
        cookie.set_max_age(CookieDuration::ZERO);
        cookie.set_expires(OffsetDateTime::UNIX_EPOCH);
        cookie.to_string()
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

    fn with_attributes<'c>(&'c self, value: &'c str) -> Cookie<'c> {
        let mut cookie = Cookie::new(self.name.as_str(), value);
        cookie.set_path(self.path.as_str());
        if let Some(domain) = &self.domain {
            cookie.set_domain(domain.as_str());
        }
        cookie.set_same_site(written_same_site(self.same_site));
        cookie.set_secure(self.secure);
        cookie.set_http_only(self.http_only);
        cookie.set_partitioned(self.partitioned);
        cookie
    }

    /// What tells two cookies of one host apart in a browser.
    fn identity(&self) -> (&str, &str, Option<&str>, bool) {
        (&self.name, &self.path, self.domain(), self.partitioned)
    }
}

/// Changes a [`CookieConfig`]; [`build`](Self::build) checks the whole.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct CookieConfigBuilder {
    draft: CookieConfig,
}

impl CookieConfigBuilder {
    /// Sets the name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.draft.name = name.into();
        self
    }

    /// Sets the `Path`. It only narrows where the browser sends the cookie; it
    /// does not protect the cookie from other paths of the host.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.draft.path = path.into();
        self
    }

    /// Sets the `Domain`, which sends the cookie to all its subdomains and
    /// lets them replace it. A leading dot is dropped, as browsers do. Whether
    /// the domain is a public suffix, which browsers refuse, is not checked.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.draft.domain = Some(domain.into());
        self
    }

    /// Sets the `SameSite` attribute.
    pub const fn same_site(mut self, same_site: SameSite) -> Self {
        self.draft.same_site = same_site;
        self
    }

    /// Sets whether the cookie is `Partitioned`.
    pub const fn partitioned(mut self, partitioned: bool) -> Self {
        self.draft.partitioned = partitioned;
        self
    }

    /// Drops `HttpOnly`: any script on the page can read and send away the
    /// cookie.
    pub const fn dangerous_readable_by_scripts(mut self) -> Self {
        self.draft.http_only = false;
        self
    }

    /// Declares a cookie that this one replaced, for
    /// [`CookieConfig::removals`]. What `former` declares as former itself is
    /// taken along.
    pub fn formerly(mut self, mut former: CookieConfig) -> Self {
        let earlier = core::mem::take(&mut former.former);
        self.draft.former.push(former);
        self.draft.former.extend(earlier);
        self
    }

    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// A [`CookieConfigError`] for what a browser would refuse, ignore or never
    /// send back.
    pub fn build(self) -> Result<CookieConfig, CookieConfigError> {
        let mut config = self.draft;
        check_name(&config.name)?;
        check_path(&config.path)?;
        config.domain = config.domain.as_deref().map(checked_domain).transpose()?;
        check_prefix(&config)?;
        check_needs_secure(&config)?;
        check_former(&config)?;
        Ok(config)
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

/// Why [`CookieConfigBuilder::build`] refused a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieConfigError {
    /// The name is empty.
    #[error("the cookie name is empty")]
    EmptyName,
    /// The name is longer than [`MAX_NAME_LEN`].
    #[error("the cookie name has {size} octets, more than {limit}")]
    NameTooLong {
        /// Its length in octets.
        size: usize,
        /// The greatest length.
        limit: usize,
    },
    /// The name is not a token.
    #[error("the cookie name has an illegal octet at position {position}")]
    IllegalName {
        /// Where the first illegal octet stands.
        position: usize,
    },
    /// The name begins with a prefix in the wrong case, which browsers reject.
    #[error("the cookie name's prefix must be spelled {prefix}")]
    MisspelledPrefix {
        /// The correct spelling.
        prefix: &'static str,
    },
    /// The name's prefix needs `Secure`.
    #[error("a {prefix} cookie needs Secure")]
    PrefixNeedsSecure {
        /// The prefix.
        prefix: &'static str,
    },
    /// The name's prefix needs `HttpOnly`.
    #[error("a {prefix} cookie needs HttpOnly")]
    PrefixNeedsHttpOnly {
        /// The prefix.
        prefix: &'static str,
    },
    /// The name's prefix needs `Path=/`.
    #[error("a {prefix} cookie needs Path=/")]
    PrefixNeedsRootPath {
        /// The prefix.
        prefix: &'static str,
    },
    /// The name's prefix allows no `Domain`.
    #[error("a {prefix} cookie has no Domain")]
    PrefixForbidsDomain {
        /// The prefix.
        prefix: &'static str,
    },
    /// The `Path` is longer than [`MAX_ATTRIBUTE_LEN`].
    #[error("the Path has {size} octets, more than {limit}")]
    PathTooLong {
        /// Its length in octets.
        size: usize,
        /// The greatest length.
        limit: usize,
    },
    /// The `Path` does not begin with `/`, or has a character that is not
    /// visible ASCII, or one of `;`, `?` and `#`.
    #[error("the Path must begin with / and be visible ASCII without ; ? #")]
    IllegalPath,
    /// The `Domain` is longer than [`MAX_ATTRIBUTE_LEN`].
    #[error("the Domain has {size} octets, more than {limit}")]
    DomainTooLong {
        /// Its length in octets.
        size: usize,
        /// The greatest length.
        limit: usize,
    },
    /// The `Domain` is not dot-separated labels of 1 to 63 ASCII letters,
    /// digits, `-` and `_`. International names go in their `xn--` form.
    #[error("the Domain must be an ASCII host name")]
    IllegalDomain,
    /// `SameSite=None` needs `Secure`.
    #[error("SameSite=None needs Secure")]
    SameSiteNoneNeedsSecure,
    /// `Partitioned` needs `Secure`.
    #[error("Partitioned needs Secure")]
    PartitionedNeedsSecure,
    /// More than [`MAX_FORMER`] former cookies.
    #[error("{count} former cookies, more than {limit}")]
    TooManyFormer {
        /// How many were declared, those of former cookies included.
        count: usize,
        /// The greatest number.
        limit: usize,
    },
    /// A former cookie is this cookie: removing it would remove this one.
    #[error("a former cookie has the name, Path, Domain and Partitioned of this one")]
    FormerIsCurrent,
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

struct Prefix {
    text: &'static str,
    needs_http_only: bool,
    host_only: bool,
}

/// The prefixes browsers know; all need `Secure`. The longer of two that
/// overlap comes first.
const PREFIXES: [Prefix; 4] = [
    Prefix {
        text: "__Host-Http-",
        needs_http_only: true,
        host_only: true,
    },
    Prefix {
        text: "__Host-",
        needs_http_only: false,
        host_only: true,
    },
    Prefix {
        text: "__Http-",
        needs_http_only: true,
        host_only: false,
    },
    Prefix {
        text: "__Secure-",
        needs_http_only: false,
        host_only: false,
    },
];

fn check_name(name: &str) -> Result<(), CookieConfigError> {
    if name.is_empty() {
        return Err(CookieConfigError::EmptyName);
    }
    if name.len() > MAX_NAME_LEN {
        return Err(CookieConfigError::NameTooLong {
            size: name.len(),
            limit: MAX_NAME_LEN,
        });
    }
    match name.bytes().position(|octet| !is_token_octet(octet)) {
        Some(position) => Err(CookieConfigError::IllegalName { position }),
        None => Ok(()),
    }
}

fn check_path(path: &str) -> Result<(), CookieConfigError> {
    if path.len() > MAX_ATTRIBUTE_LEN {
        return Err(CookieConfigError::PathTooLong {
            size: path.len(),
            limit: MAX_ATTRIBUTE_LEN,
        });
    }
    let legal = |octet: u8| octet.is_ascii_graphic() && !matches!(octet, b';' | b'?' | b'#');
    if path.starts_with('/') && path.bytes().all(legal) {
        Ok(())
    } else {
        Err(CookieConfigError::IllegalPath)
    }
}

fn checked_domain(domain: &str) -> Result<String, CookieConfigError> {
    if domain.len() > MAX_ATTRIBUTE_LEN {
        return Err(CookieConfigError::DomainTooLong {
            size: domain.len(),
            limit: MAX_ATTRIBUTE_LEN,
        });
    }
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    if domain.split('.').all(is_host_label) {
        Ok(domain.to_ascii_lowercase())
    } else {
        Err(CookieConfigError::IllegalDomain)
    }
}

fn check_prefix(config: &CookieConfig) -> Result<(), CookieConfigError> {
    let Some(rule) = PREFIXES.iter().find(|rule| {
        let head = config.name.get(..rule.text.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(rule.text))
    }) else {
        return Ok(());
    };
    let prefix = rule.text;
    if !config.name.starts_with(prefix) {
        return Err(CookieConfigError::MisspelledPrefix { prefix });
    }
    if !config.secure {
        return Err(CookieConfigError::PrefixNeedsSecure { prefix });
    }
    if rule.needs_http_only && !config.http_only {
        return Err(CookieConfigError::PrefixNeedsHttpOnly { prefix });
    }
    if rule.host_only && config.path != "/" {
        return Err(CookieConfigError::PrefixNeedsRootPath { prefix });
    }
    if rule.host_only && config.domain.is_some() {
        return Err(CookieConfigError::PrefixForbidsDomain { prefix });
    }
    Ok(())
}

const fn check_needs_secure(config: &CookieConfig) -> Result<(), CookieConfigError> {
    if config.secure {
        return Ok(());
    }
    if matches!(config.same_site, SameSite::None) {
        return Err(CookieConfigError::SameSiteNoneNeedsSecure);
    }
    if config.partitioned {
        return Err(CookieConfigError::PartitionedNeedsSecure);
    }
    Ok(())
}

fn check_former(config: &CookieConfig) -> Result<(), CookieConfigError> {
    if config.former.len() > MAX_FORMER {
        return Err(CookieConfigError::TooManyFormer {
            count: config.former.len(),
            limit: MAX_FORMER,
        });
    }
    let current = config.identity();
    if config
        .former
        .iter()
        .any(|former| former.identity() == current)
    {
        return Err(CookieConfigError::FormerIsCurrent);
    }
    Ok(())
}

/// `tchar` of RFC 9110, section 5.6.2.
const fn is_token_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

fn is_host_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
}

fn whole_seconds(max_age: Duration) -> CookieDuration {
    let seconds = max_age.as_secs().clamp(1, MAX_MAX_AGE.as_secs());
    CookieDuration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

const fn written_same_site(same_site: SameSite) -> ::cookie::SameSite {
    match same_site {
        SameSite::Strict => ::cookie::SameSite::Strict,
        SameSite::Lax => ::cookie::SameSite::Lax,
        SameSite::None => ::cookie::SameSite::None,
    }
}

/// Length of name and value in a finished header, without the `=`.
fn name_value_len(header: &str) -> usize {
    let pair = header.split(';').next().unwrap_or(header);
    pair.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insecure(name: &str) -> CookieConfigBuilder {
        CookieConfig::insecure_dev().into_builder().name(name)
    }

    #[test]
    fn the_default_is_written_with_every_protection() {
        assert_eq!(
            CookieConfig::default().set_cookie("abc", None).unwrap(),
            "__Host-session=abc; HttpOnly; SameSite=Lax; Secure; Path=/"
        );
    }

    #[test]
    fn the_builder_starts_from_the_default() {
        assert_eq!(CookieConfig::builder().build(), Ok(CookieConfig::default()));
        assert_eq!(
            CookieConfig::named("__Host-session").build(),
            Ok(CookieConfig::default())
        );
    }

    #[test]
    fn every_attribute_is_written() {
        let config = CookieConfig::named("__Secure-id")
            .path("/app")
            .domain(".Example.COM")
            .same_site(SameSite::None)
            .partitioned(true)
            .build()
            .unwrap();
        assert_eq!(
            config
                .set_cookie("v", Some(Duration::from_millis(90_999)))
                .unwrap(),
            "__Secure-id=v; HttpOnly; SameSite=None; Partitioned; Secure; Path=/app; \
             Domain=example.com; Max-Age=90"
        );
        assert_eq!(config.domain(), Some("example.com"));
    }

    #[test]
    fn a_removal_has_the_same_attributes_and_is_expired() {
        assert_eq!(
            CookieConfig::default().removal(),
            "__Host-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; \
             Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        );
        let config = CookieConfig::named("__Secure-id")
            .path("/app")
            .domain("example.com")
            .same_site(SameSite::Strict)
            .partitioned(true)
            .build()
            .unwrap();
        assert_eq!(
            config.removal(),
            config.set_cookie("", None).unwrap()
                + "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        );
    }

    #[test]
    fn the_development_cookie_has_no_secure_and_no_prefix() {
        let config = CookieConfig::insecure_dev();
        assert_eq!(
            config.set_cookie("v", None).unwrap(),
            "session=v; HttpOnly; SameSite=Lax; Path=/"
        );
        assert_eq!(config.clone().into_builder().build(), Ok(config));
    }

    #[test]
    fn scripts_can_read_the_cookie_only_when_asked_for() {
        let config = CookieConfig::builder()
            .dangerous_readable_by_scripts()
            .build()
            .unwrap();
        assert!(!config.http_only());
        assert!(!config.set_cookie("v", None).unwrap().contains("HttpOnly"));
    }

    #[test]
    fn max_age_stays_between_one_second_and_four_hundred_days() {
        let written = |max_age| {
            let header = CookieConfig::default()
                .set_cookie("v", Some(max_age))
                .unwrap();
            header.rsplit_once("; Max-Age=").unwrap().1.to_owned()
        };
        assert_eq!(written(Duration::ZERO), "1");
        assert_eq!(written(Duration::from_millis(999)), "1");
        assert_eq!(written(Duration::from_millis(1_999)), "1");
        assert_eq!(written(MAX_MAX_AGE), "34560000");
        assert_eq!(written(MAX_MAX_AGE + Duration::from_secs(1)), "34560000");
        assert_eq!(written(Duration::MAX), "34560000");
    }

    #[test]
    fn the_size_is_name_plus_value_without_attributes() {
        let config = CookieConfig::named("__Secure-id")
            .path(format!("/{}", "p".repeat(1000)))
            .build()
            .unwrap();
        assert_eq!(config.max_value_len(), 4085);
        assert!(config.set_cookie(&"v".repeat(4085), None).is_ok());
        assert_eq!(
            config.set_cookie(&"v".repeat(4086), None),
            Err(CookieError::TooLarge {
                size: 4097,
                limit: 4096
            })
        );
    }

    #[test]
    fn a_value_with_an_illegal_octet_is_refused_without_showing_it() {
        let config = CookieConfig::default();
        for illegal in [
            " ", "\"", ",", ";", "\\", "\t", "\r\n", "\0", "\x7F", "ä", "\u{2000}",
        ] {
            let error = config
                .set_cookie(&format!("topsecret{illegal}x"), None)
                .unwrap_err();
            assert_eq!(error, CookieError::IllegalValue { position: 9 });
            assert!(!format!("{error} {error:?}").contains("topsecret"));
        }
    }

    #[test]
    fn each_prefix_has_its_conditions_enforced() {
        use CookieConfigError as E;
        for (name, prefix) in [
            ("__Host-a", "__Host-"),
            ("__Host-Http-a", "__Host-Http-"),
            ("__Http-a", "__Http-"),
            ("__Secure-a", "__Secure-"),
        ] {
            assert!(CookieConfig::named(name).build().is_ok());
            assert_eq!(insecure(name).build(), Err(E::PrefixNeedsSecure { prefix }));
        }
        for prefix in ["__Host-", "__Host-Http-"] {
            let pathed = CookieConfig::named(format!("{prefix}a"))
                .path("/app")
                .build();
            assert_eq!(pathed, Err(E::PrefixNeedsRootPath { prefix }));
            let shared = CookieConfig::named(format!("{prefix}a"))
                .domain("example.com")
                .build();
            assert_eq!(shared, Err(E::PrefixForbidsDomain { prefix }));
        }
        for prefix in ["__Http-", "__Host-Http-"] {
            let readable =
                CookieConfig::named(format!("{prefix}a")).dangerous_readable_by_scripts();
            assert_eq!(readable.build(), Err(E::PrefixNeedsHttpOnly { prefix }));
        }
        for name in ["__Secure-a", "__Http-a"] {
            assert!(
                CookieConfig::named(name)
                    .path("/a")
                    .domain("example.com")
                    .build()
                    .is_ok()
            );
        }
    }

    #[test]
    fn a_prefix_in_the_wrong_case_is_refused() {
        for (name, prefix) in [
            ("__host-a", "__Host-"),
            ("__HOST-a", "__Host-"),
            ("__secure-a", "__Secure-"),
            ("__hTTP-a", "__Http-"),
            ("__Host-http-a", "__Host-Http-"),
            ("__host-Http-a", "__Host-Http-"),
        ] {
            let refused = Err(CookieConfigError::MisspelledPrefix { prefix });
            assert_eq!(CookieConfig::named(name).build(), refused);
        }
        for name in ["__Hos", "_Host-a", "Host-a", "a__host-"] {
            assert!(insecure(name).build().is_ok());
        }
    }

    #[test]
    fn a_name_that_is_no_token_is_refused() {
        assert_eq!(
            CookieConfig::named("").build(),
            Err(CookieConfigError::EmptyName)
        );
        for illegal in [
            "=", ";", " ", "\t", "\r", "\0", "\"", ",", "/", "(", "@", "\x7F", "ä",
        ] {
            assert_eq!(
                CookieConfig::named(format!("a{illegal}b")).build(),
                Err(CookieConfigError::IllegalName { position: 1 })
            );
        }
        assert!(CookieConfig::named("a!#$%&'*+-.^_`|~Z09").build().is_ok());
    }

    #[test]
    fn a_name_is_accepted_up_to_its_limit() {
        let longest = CookieConfig::named("n".repeat(MAX_NAME_LEN))
            .build()
            .unwrap();
        assert_eq!(longest.max_value_len(), 3072);
        assert_eq!(
            CookieConfig::named("n".repeat(MAX_NAME_LEN + 1)).build(),
            Err(CookieConfigError::NameTooLong {
                size: 1025,
                limit: 1024
            })
        );
    }

    #[test]
    fn a_path_that_browsers_ignore_or_never_match_is_refused() {
        for path in [
            "", "app", " /", "/ ", "/a;b", "/a\r\nb", "/a\0", "/\x7F", "/ä", "/a?b", "/a#b",
        ] {
            assert_eq!(
                CookieConfig::named("a").path(path).build(),
                Err(CookieConfigError::IllegalPath),
                "{path:?}"
            );
        }
        let path = |len: usize| {
            CookieConfig::named("a")
                .path(format!("/{}", "p".repeat(len - 1)))
                .build()
        };
        assert!(path(1024).is_ok());
        assert_eq!(
            path(1025),
            Err(CookieConfigError::PathTooLong {
                size: 1025,
                limit: 1024
            })
        );
    }

    #[test]
    fn a_domain_that_is_no_host_name_is_refused() {
        let domain = |domain: &str| CookieConfig::named("a").domain(domain).build();
        for illegal in [
            "", ".", "..a", "a..b", "a.", "a b", "a;b", "a:80", "a/b", "ä.de", "a\r\nb", "*.a",
            "[::1]",
        ] {
            assert_eq!(
                domain(illegal),
                Err(CookieConfigError::IllegalDomain),
                "{illegal:?}"
            );
        }
        assert_eq!(
            domain(&"d".repeat(64)),
            Err(CookieConfigError::IllegalDomain)
        );
        assert_eq!(
            domain(&"d.".repeat(513)),
            Err(CookieConfigError::DomainTooLong {
                size: 1026,
                limit: 1024
            })
        );
        for legal in [
            "example.com",
            ".example.com",
            "xn--4ca.de",
            "a_b.example.com",
        ] {
            assert!(domain(legal).is_ok(), "{legal:?}");
        }
    }

    #[test]
    fn same_site_none_and_partitioned_need_secure() {
        assert_eq!(
            insecure("a").same_site(SameSite::None).build(),
            Err(CookieConfigError::SameSiteNoneNeedsSecure)
        );
        assert_eq!(
            insecure("a").partitioned(true).build(),
            Err(CookieConfigError::PartitionedNeedsSecure)
        );
        assert!(insecure("a").same_site(SameSite::Strict).build().is_ok());
    }

    #[test]
    fn removals_cover_the_current_and_all_former_cookies() {
        let oldest = CookieConfig::named("old").build().unwrap();
        let older = CookieConfig::named("sid")
            .domain("example.com")
            .path("/app")
            .formerly(oldest.clone())
            .build()
            .unwrap();
        let config = CookieConfig::builder()
            .formerly(older.clone())
            .build()
            .unwrap();
        assert_eq!(
            config.removals(),
            [config.removal(), older.removal(), oldest.removal()]
        );
        assert_eq!(config.former().len(), 2);
        assert_eq!(CookieConfig::default().removals().len(), 1);
    }

    #[test]
    fn more_than_four_former_cookies_are_refused() {
        let former = |count: usize| {
            (0..count).fold(CookieConfig::builder(), |builder, number| {
                builder.formerly(CookieConfig::named(format!("s{number}")).build().unwrap())
            })
        };
        assert!(former(4).build().is_ok());
        assert_eq!(
            former(5).build(),
            Err(CookieConfigError::TooManyFormer { count: 5, limit: 4 })
        );
    }

    #[test]
    fn a_former_cookie_may_not_be_the_current_one() {
        let former = CookieConfig::named("a")
            .domain("Example.com")
            .build()
            .unwrap();
        assert_eq!(
            CookieConfig::named("a")
                .domain(".example.com")
                .same_site(SameSite::Strict)
                .formerly(former.clone())
                .build(),
            Err(CookieConfigError::FormerIsCurrent)
        );
        for other in [
            CookieConfig::named("b").domain("example.com"),
            CookieConfig::named("a"),
            CookieConfig::named("a").domain("example.com").path("/x"),
            CookieConfig::named("a")
                .domain("example.com")
                .partitioned(true),
        ] {
            assert!(other.formerly(former.clone()).build().is_ok());
        }
    }
}
