//! Builds a [`CookieConfig`] and checks it against what browsers accept.

use super::{CookieConfig, MAX_ATTRIBUTE_LEN, MAX_FORMER, MAX_NAME_LEN, SameSite};

/// Changes a [`CookieConfig`]; [`build`](Self::build) checks the whole.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct CookieConfigBuilder {
    draft: CookieConfig,
}

impl CookieConfigBuilder {
    pub(super) const fn new(draft: CookieConfig) -> Self {
        Self { draft }
    }

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
    /// [`CookieConfig::removals`]. A manager also removes it when it sets this one in
    /// answer to a request that carries a cookie of the former name: where both have one name
    /// and differ in domain or path, that is every time, so declare it for as long as old
    /// cookies may live. What `former` declares as former itself is taken along.
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

/// The prefixes browsers know, the longer of two that overlap first.
const PREFIXES: [&str; 4] = ["__Host-Http-", "__Host-", "__Http-", "__Secure-"];

fn check_prefix(config: &CookieConfig) -> Result<(), CookieConfigError> {
    let Some(prefix) = PREFIXES.into_iter().find(|prefix| {
        let head = config.name.get(..prefix.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    }) else {
        return Ok(());
    };
    // The prefixes name their conditions, and all need `Secure`.
    let host_only = prefix.starts_with("__Host-");
    let needs_http_only = prefix.ends_with("Http-");
    if !config.name.starts_with(prefix) {
        Err(CookieConfigError::MisspelledPrefix { prefix })
    } else if !config.secure {
        Err(CookieConfigError::PrefixNeedsSecure { prefix })
    } else if needs_http_only && !config.http_only {
        Err(CookieConfigError::PrefixNeedsHttpOnly { prefix })
    } else if host_only && config.path != "/" {
        Err(CookieConfigError::PrefixNeedsRootPath { prefix })
    } else if host_only && config.domain.is_some() {
        Err(CookieConfigError::PrefixForbidsDomain { prefix })
    } else {
        Ok(())
    }
}

fn check_needs_secure(config: &CookieConfig) -> Result<(), CookieConfigError> {
    if !config.secure && config.same_site == SameSite::None {
        Err(CookieConfigError::SameSiteNoneNeedsSecure)
    } else if !config.secure && config.partitioned {
        Err(CookieConfigError::PartitionedNeedsSecure)
    } else {
        Ok(())
    }
}

fn check_former(config: &CookieConfig) -> Result<(), CookieConfigError> {
    let former = &config.former;
    if former.len() > MAX_FORMER {
        return Err(CookieConfigError::TooManyFormer {
            count: former.len(),
            limit: MAX_FORMER,
        });
    }
    if former.iter().any(|one| one.identity() == config.identity()) {
        return Err(CookieConfigError::FormerIsCurrent);
    }
    Ok(())
}

/// `tchar` of RFC 9110, section 5.6.2.
fn is_token_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

fn is_host_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::{CookieConfigError as E, *};

    fn insecure(name: &str) -> CookieConfigBuilder {
        CookieConfig::insecure_dev().into_builder().name(name)
    }

    fn error(builder: CookieConfigBuilder) -> Option<E> {
        builder.build().err()
    }

    #[test]
    fn a_builder_changes_nothing_by_itself() {
        for config in [CookieConfig::default(), CookieConfig::insecure_dev()] {
            assert_eq!(config.clone().into_builder().build(), Ok(config));
        }
        assert_eq!(CookieConfig::builder().build(), Ok(CookieConfig::default()));
    }

    #[test]
    fn a_name_is_a_token_of_limited_length() {
        let name = |name: String| error(CookieConfig::named(name));
        assert_eq!(name("a!#$%&'*+-.^_`|~Z09".into()), None);
        assert_eq!(name(String::new()), Some(E::EmptyName));
        for illegal in "=; \t\r\0\",/(@\x7Fä".chars() {
            let position = 1;
            assert_eq!(
                name(format!("a{illegal}b")),
                Some(E::IllegalName { position })
            );
        }
        assert_eq!(name("n".repeat(1024)), None);
        let (size, limit) = (1025, 1024);
        assert_eq!(name("n".repeat(size)), Some(E::NameTooLong { size, limit }));
    }

    #[test]
    fn a_path_that_browsers_ignore_or_never_match_is_refused() {
        let path = |path: &str| error(CookieConfig::named("a").path(path));
        for illegal in [
            "", "app", " /", "/ ", "/a;b", "/a\r\nb", "/a\0", "/\x7F", "/ä", "/a?b", "/a#b",
        ] {
            assert_eq!(path(illegal), Some(E::IllegalPath), "{illegal:?}");
        }
        assert_eq!(path(&"/".repeat(1024)), None);
        let (size, limit) = (1025, 1024);
        assert_eq!(
            path(&"/".repeat(size)),
            Some(E::PathTooLong { size, limit })
        );
    }

    #[test]
    fn a_domain_that_is_no_host_name_is_refused() {
        let domain = |domain: &str| error(CookieConfig::named("a").domain(domain));
        for illegal in [
            "", ".", "..a", "a..b", "a.", "a b", "a;b", "a:80", "a/b", "ä.de", "a\r\nb", "*.a",
            "[::1]",
        ] {
            assert_eq!(domain(illegal), Some(E::IllegalDomain), "{illegal:?}");
        }
        assert_eq!(domain(&"d".repeat(63)), None);
        assert_eq!(domain(&"d".repeat(64)), Some(E::IllegalDomain));
        for legal in [".example.com", "xn--4ca.de", "a_b.example.com"] {
            assert_eq!(domain(legal), None, "{legal:?}");
        }
        let (size, limit) = (1026, 1024);
        assert_eq!(
            domain(&"d.".repeat(513)),
            Some(E::DomainTooLong { size, limit })
        );
    }

    #[test]
    fn each_prefix_has_its_conditions_enforced() {
        for (prefix, host_only, needs_http_only) in [
            ("__Host-Http-", true, true),
            ("__Host-", true, false),
            ("__Http-", false, true),
            ("__Secure-", false, false),
        ] {
            let name = format!("{prefix}a");
            let named = || CookieConfig::named(&name);
            assert_eq!(error(named()), None);
            assert_eq!(
                error(insecure(&name)),
                Some(E::PrefixNeedsSecure { prefix })
            );
            assert_eq!(
                error(named().path("/app")),
                host_only.then_some(E::PrefixNeedsRootPath { prefix })
            );
            assert_eq!(
                error(named().domain("example.com")),
                host_only.then_some(E::PrefixForbidsDomain { prefix })
            );
            assert_eq!(
                error(named().dangerous_readable_by_scripts()),
                needs_http_only.then_some(E::PrefixNeedsHttpOnly { prefix })
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
        ] {
            let refused = Some(E::MisspelledPrefix { prefix });
            assert_eq!(error(CookieConfig::named(name)), refused);
        }
        for name in ["session", "__Hos", "_Host-a", "Host-a", "a__host-"] {
            assert_eq!(error(insecure(name)), None);
        }
    }

    #[test]
    fn same_site_none_and_partitioned_need_secure() {
        let cross_site = insecure("a").same_site(SameSite::None);
        assert_eq!(error(cross_site), Some(E::SameSiteNoneNeedsSecure));
        let partitioned = insecure("a").partitioned(true);
        assert_eq!(error(partitioned), Some(E::PartitionedNeedsSecure));
        assert_eq!(error(insecure("a").same_site(SameSite::Strict)), None);
    }

    #[test]
    fn more_than_four_former_cookies_are_refused() {
        let former = |count: usize| {
            (0..count).fold(CookieConfig::builder(), |builder, number| {
                builder.formerly(CookieConfig::named(format!("s{number}")).build().unwrap())
            })
        };
        assert_eq!(error(former(4)), None);
        let (count, limit) = (5, 4);
        assert_eq!(error(former(5)), Some(E::TooManyFormer { count, limit }));
    }

    #[test]
    fn a_former_cookie_may_not_be_the_current_one() {
        let a = || CookieConfig::named("a").domain("example.com");
        let former = CookieConfig::named("a").domain(".Example.com");
        let former = former.build().unwrap();
        for (current, refused) in [
            (a().same_site(SameSite::Strict), Some(E::FormerIsCurrent)),
            (a().name("b"), None),
            (a().path("/x"), None),
            (a().partitioned(true), None),
            (CookieConfig::named("a"), None),
        ] {
            assert_eq!(error(current.formerly(former.clone())), refused);
        }
    }
}
