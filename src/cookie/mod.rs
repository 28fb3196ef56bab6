//! The cookie that carries a session: how it is declared, written and read.
//!
//! A value is only a string here. This module knows nothing about sessions or
//! tokens; it makes sure that what is written is what a browser keeps, and
//! that what is read is what the browser was told to keep.
//!
//! RFC 6265bis is draft-ietf-httpbis-rfc6265bis, cited by section titles.
//!
//! # Writing rules ([`CookieConfig`])
//!
//! * **W1** Name plus value is at most [`MAX_NAME_VALUE_LEN`] octets;
//!   attributes do not count. A browser drops a longer `Set-Cookie` and keeps
//!   the *old* cookie, a silent rollback (RFC 6265bis, "The Set-Cookie Header
//!   Field"; measured in Chromium 156 and Firefox 153).
//! * **W2** A value holds only `cookie-octet`s, a name is a token (RFC 6265,
//!   section 4.1.1; RFC 9110, section 5.6.2).
//! * **W3** The prefixes `__Host-` and `__Secure-` (RFC 6265bis, "Cookie Name
//!   Prefixes"), `__Http-` and `__Host-Http-` (newer than that document; in
//!   Chromium since 140) are recognised in any case, must be spelled exactly
//!   so, and their conditions are enforced. Browsers reject a cookie that
//!   breaks them.
//! * **W4** `SameSite=None` and `Partitioned` need `Secure`; browsers reject
//!   them otherwise.
//! * **W5** An attribute value is at most [`MAX_ATTRIBUTE_LEN`] octets: a
//!   browser ignores a longer one and keeps the cookie without it (RFC 6265bis,
//!   "The Set-Cookie Header Field").
//! * **W6** `Max-Age` is at most [`MAX_MAX_AGE`], where browsers clamp it, and
//!   at least one second, because `Max-Age=0` would remove the cookie
//!   (RFC 6265bis, "The Max-Age Attribute").
//! * **W7** A removal carries the same attributes as the cookie. Without them
//!   the browser removes another cookie or, for a prefixed name, none
//!   (RFC 6265bis, "Storage Model").
//!
//! # Reading rules ([`candidates`])
//!
//! * **R1** All `Cookie` lines are read, in order: HTTP/2 and HTTP/3 may split
//!   the field (RFC 9113, section 8.2.3; RFC 9114, section 4.2.1).
//! * **R2** Pairs are separated by `;` and nothing else. There is no `,`
//!   separator, no `$Version` and no quoted string (RFC 6265, section 4.2.1).
//! * **R3** Only SP and HTAB are trimmed, around the pair, the name and the
//!   value. Other white space, Unicode's included, belongs to the name: a
//!   browser stores `U+2000` + `__Host-session` without the prefix's
//!   conditions (`PortSwigger`, "Cookie Chaos", 2025).
//! * **R4** The first `=` ends the name. A pair without `=` is ignored, and
//!   `=__Host-session=x` has an empty name (CVE-2023-23934).
//! * **R5** Names are compared octet for octet, case-sensitively, never
//!   percent-decoded (CVE-2020-8184, CVE-2020-7070) and never rewritten
//!   (CVE-2022-31629).
//! * **R6** A pair of ours longer than [`MAX_PAIR_LEN`] octets is skipped
//!   before its value is examined, and counted.
//! * **R7** A value of ours with an octet outside `cookie-octet` is skipped
//!   and counted. Quotes are such octets; they are not stripped. An empty
//!   value is legal and is handed out as `""`.
//! * **R8** At most [`MAX_CANDIDATES`] values are handed out, the earliest
//!   first; further ones are counted. A name can arrive more than once, because
//!   another path, domain or partition may hold a cookie of the same name, and
//!   the order proves nothing (RFC 6265bis, "Weak Integrity").
//! * **R9** Reading takes linear time, never allocates and never panics.

mod builder;
mod config;
mod reader;

use core::time::Duration;

pub use builder::{CookieConfigBuilder, CookieConfigError};
pub use config::{CookieConfig, CookieError, SameSite};
pub use reader::{Candidates, candidates};

/// Greatest length of a cookie's name and value together, in octets.
pub const MAX_NAME_VALUE_LEN: usize = 4096;

/// Greatest length of a cookie's name, in octets.
pub const MAX_NAME_LEN: usize = 1024;

/// Greatest length of a `Path` or `Domain` value, in octets.
pub const MAX_ATTRIBUTE_LEN: usize = 1024;

/// Greatest lifetime a browser grants a cookie: 400 days.
pub const MAX_MAX_AGE: Duration = Duration::from_hours(400 * 24);

/// Greatest number of former cookies a [`CookieConfig`] can remove.
pub const MAX_FORMER: usize = 4;

/// Greatest number of values [`candidates`] hands out.
pub const MAX_CANDIDATES: usize = 4;

/// Greatest length of a pair (name, `=` and value) that [`candidates`] reads,
/// in octets.
pub const MAX_PAIR_LEN: usize = 8192;

/// Whether `octet` may stand in a cookie's value: `cookie-octet` of RFC 6265,
/// section 4.1.1.
const fn is_value_octet(octet: u8) -> bool {
    // One range with four gaps: fewer comparisons than five ranges.
    octet.is_ascii_graphic() & !matches!(octet, b'"' | b',' | b';' | b'\\')
}

/// Whether all of `octets` may stand in a cookie's value.
fn is_value(octets: &[u8]) -> bool {
    // Without an early end, so that the compiler can look at many at once.
    octets
        .iter()
        .fold(true, |all, octet| all & is_value_octet(*octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legal_value_octets_are_the_ninety_of_rfc_6265() {
        let legal: Vec<u8> = (0..=u8::MAX)
            .filter(|octet| is_value_octet(*octet))
            .collect();
        assert_eq!(legal.len(), 90);
        for illegal in *b" \",;\\\t\r\n\0\x7F\x80\xFF" {
            assert!(!legal.contains(&illegal));
        }
    }

    #[test]
    fn a_removed_cookie_would_be_read_as_an_empty_value() {
        let header = CookieConfig::default().removal();
        let pair = header.split(';').next().unwrap();
        let read: Vec<&str> = candidates([pair.as_bytes()], "__Host-session").collect();
        assert_eq!(read, [""]);
    }
}

#[cfg(all(test, feature = "_proptest"))]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_set_cookie_writes_the_reader_reads_back(
            value in "[!#-+\\--:<-\\[\\]-~]{0,200}",
            before in "[a-z]{1,8}=[a-z]{0,8}",
        ) {
            let config = CookieConfig::default();
            let header = config.set_cookie(&value, None).unwrap();
            let pair = header.split(';').next().unwrap();
            let line = format!("{before}; {pair}; z=1");
            let read: Vec<&str> = candidates([line.as_bytes()], config.name()).collect();
            prop_assert_eq!(read, [value.as_str()]);
        }

        #[test]
        fn sizes_around_the_limit_never_exceed_it(len in 4000_usize..4200, name_len in 1_usize..40) {
            let config = CookieConfig::named("n".repeat(name_len)).build().unwrap();
            let written = config.set_cookie(&"v".repeat(len), None);
            prop_assert_eq!(written.is_ok(), len <= config.max_value_len());
            match written {
                Ok(header) => {
                    let (name, value) = header.split(';').next().unwrap().split_once('=').unwrap();
                    prop_assert!(name.len() + value.len() <= MAX_NAME_VALUE_LEN);
                }
                Err(error) => prop_assert_eq!(
                    error,
                    CookieError::TooLarge { size: name_len + len, limit: MAX_NAME_VALUE_LEN }
                ),
            }
        }
    }
}
