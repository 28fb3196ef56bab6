//! Reads one cookie out of the request's `Cookie` lines, octet for octet.

use core::array;
use core::fmt;
use core::iter::{FusedIterator, Take};

use super::{MAX_CANDIDATES, MAX_PAIR_LEN, is_value};

/// Finds the values of the cookie called `name` in the `Cookie` lines of a
/// request, by the reading rules R1 to R9 of the [module](super).
///
/// An empty value is yielded as `""`; it means the same as no cookie.
///
/// ```
/// use sealed_session::cookie::candidates;
///
/// let lines: [&[u8]; 2] = [b"theme=dark; __Host-session=abc", b"__Host-session=def"];
/// let mut values = candidates(lines, "__Host-session");
/// assert_eq!(values.len(), 2);
/// assert_eq!(values.next(), Some("abc"));
/// assert_eq!(values.next(), Some("def"));
/// assert_eq!(values.next(), None);
/// ```
pub fn candidates<'h>(headers: impl IntoIterator<Item = &'h [u8]>, name: &str) -> Candidates<'h> {
    let mut found = Found::default();
    for header in headers {
        let mut rest = Some(header);
        while let Some(octets) = rest {
            let (pair, others) = split_at_semicolon(octets);
            found.consider(trim(pair), name.as_bytes());
            rest = others;
        }
    }
    Candidates {
        values: found.values.into_iter().take(found.len),
        dropped: found.dropped,
        skipped_oversized: found.skipped_oversized,
        skipped_malformed: found.skipped_malformed,
    }
}

/// The values found by [`candidates`], at most
/// [`MAX_CANDIDATES`], in order of appearance.
///
/// `len()` is the number of values not yet taken. The counters keep their
/// values while the iterator is consumed. `Debug` does not show the values.
#[derive(Clone)]
pub struct Candidates<'h> {
    values: Take<array::IntoIter<&'h str, MAX_CANDIDATES>>,
    dropped: usize,
    skipped_oversized: usize,
    skipped_malformed: usize,
}

impl Candidates<'_> {
    /// Whether no value is left to take.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many legal values were left out beyond the first
    /// [`MAX_CANDIDATES`].
    #[must_use]
    pub const fn dropped(&self) -> usize {
        self.dropped
    }

    /// How many pairs of this name were skipped for being longer than
    /// [`MAX_PAIR_LEN`].
    #[must_use]
    pub const fn skipped_oversized(&self) -> usize {
        self.skipped_oversized
    }

    /// How many values of this name were skipped for an octet that RFC 6265
    /// does not allow in a value.
    #[must_use]
    pub const fn skipped_malformed(&self) -> usize {
        self.skipped_malformed
    }
}

impl<'h> Iterator for Candidates<'h> {
    type Item = &'h str;

    fn next(&mut self) -> Option<&'h str> {
        self.values.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.values.size_hint()
    }
}

impl ExactSizeIterator for Candidates<'_> {}

impl FusedIterator for Candidates<'_> {}

impl fmt::Debug for Candidates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidates")
            .field("len", &self.len())
            .field("dropped", &self.dropped)
            .field("skipped_oversized", &self.skipped_oversized)
            .field("skipped_malformed", &self.skipped_malformed)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Found<'h> {
    values: [&'h str; MAX_CANDIDATES],
    len: usize,
    dropped: usize,
    skipped_oversized: usize,
    skipped_malformed: usize,
}

impl<'h> Found<'h> {
    fn consider(&mut self, pair: &'h [u8], wanted: &[u8]) {
        // No name contains an equals sign, so the first one ends it.
        let Some(rest) = pair.strip_prefix(wanted) else {
            return;
        };
        let [b'=', value @ ..] = trim(rest) else {
            return;
        };
        if pair.len() > MAX_PAIR_LEN {
            increment(&mut self.skipped_oversized);
            return;
        }
        let Some(value) = legal_value(trim(value)) else {
            increment(&mut self.skipped_malformed);
            return;
        };
        if let Some(slot) = self.values.get_mut(self.len) {
            *slot = value;
            increment(&mut self.len);
        } else {
            increment(&mut self.dropped);
        }
    }
}

/// What stands before the first semicolon, and what stands after it, if there is one.
fn split_at_semicolon(octets: &[u8]) -> (&[u8], Option<&[u8]>) {
    // A long value has none: whole chunks are looked through at once.
    let (chunks, _) = octets.as_chunks::<CHUNK>();
    let skipped = chunks.iter().take_while(|chunk| !has_semicolon(chunk));
    let skipped = skipped.count().saturating_mul(CHUNK);
    let rest = octets.get(skipped..).unwrap_or_default();
    let position = rest.iter().position(|octet| *octet == b';');
    let split = position.and_then(|at| octets.split_at_checked(skipped.saturating_add(at)));
    match split {
        Some((pair, [_, others @ ..])) => (pair, Some(others)),
        Some((_, [])) | None => (octets, None),
    }
}

const CHUNK: usize = 64;

fn has_semicolon(chunk: &[u8; CHUNK]) -> bool {
    // Without an early end, so that the compiler can look at many at once.
    let found = chunk.iter().map(|octet| u8::from(*octet == b';'));
    found.fold(0, |any, one| any | one) != 0
}

fn legal_value(octets: &[u8]) -> Option<&str> {
    if is_value(octets) {
        // Legal octets are ASCII, so this succeeds.
        str::from_utf8(octets).ok()
    } else {
        None
    }
}

/// Trims SP and HTAB only, unlike `trim_ascii`, which also takes CR, LF and FF.
const fn trim(mut octets: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = octets {
        octets = rest;
    }
    octets
}

const fn increment(counter: &mut usize) {
    *counter = counter.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "__Host-session";

    fn read(line: &[u8]) -> Vec<&str> {
        candidates([line], NAME).collect()
    }

    #[test]
    fn the_value_is_found_among_other_cookies() {
        assert_eq!(read(b"a=b; __Host-session=abc; c=d"), ["abc"]);
    }

    #[test]
    fn lines_split_by_http2_are_read_in_order() {
        let lines: [&[u8]; 3] = [b"__Host-session=1", b"a=b", b"c=d; __Host-session=2"];
        assert_eq!(candidates(lines, NAME).collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn a_value_is_found_behind_any_number_of_semicolons() {
        for count in 1..200 {
            let semicolons = ";".repeat(count);
            let line = format!("{semicolons}{NAME}=x{semicolons}");
            assert_eq!(read(line.as_bytes()), ["x"], "{count}");
        }
    }

    #[test]
    fn no_lines_and_empty_lines_yield_nothing() {
        assert!(candidates([], NAME).is_empty());
        for line in [&b""[..], b";", b";;; ;", b"=", b" ", b"=;="] {
            assert!(candidates([line], NAME).is_empty());
        }
    }

    #[test]
    fn the_first_equals_sign_ends_the_name() {
        assert_eq!(read(b"__Host-session=a=b=="), ["a=b=="]);
    }

    #[test]
    fn a_pair_without_an_equals_sign_is_ignored() {
        let values = candidates([&b"__Host-session; __Host-session=x"[..]], NAME);
        assert_eq!(values.skipped_malformed(), 0);
        assert_eq!(values.collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn a_nameless_cookie_does_not_pass_for_ours() {
        assert!(read(b"=__Host-session=x").is_empty());
        assert!(read(b"; =__Host-session=x").is_empty());
    }

    #[test]
    fn names_are_neither_decoded_nor_folded_nor_rewritten() {
        for line in [
            &b"%5F%5FHost-session=x"[..],
            b"__Host%2Dsession=x",
            b"__host-session=x",
            b"__HOST-SESSION=x",
            b"..Host-session=x",
            b"__Host_session=x",
            b"\"__Host-session\"=x",
            b"$Version=1,__Host-session=x",
            b"a=b,__Host-session=x",
            b"x__Host-session=x",
            b"__Host-sessionx=x",
            b"__Host-session\0=x",
        ] {
            let values = candidates([line], NAME);
            assert!(values.is_empty(), "{line:?}");
            assert_eq!(values.skipped_malformed(), 0, "{line:?}");
        }
    }

    #[test]
    fn only_space_and_tab_are_trimmed() {
        assert_eq!(read(b" \t__Host-session \t=\t x \t"), ["x"]);
        for space in [
            "\u{2000}", "\u{A0}", "\u{85}", "\u{FEFF}", "\r", "\n", "\x0B", "\x0C",
        ] {
            assert!(read(format!("{space}__Host-session=x").as_bytes()).is_empty());
            assert!(read(format!("__Host-session{space}=x").as_bytes()).is_empty());
            assert!(read(format!("__Host-session=x{space}").as_bytes()).is_empty());
        }
    }

    #[test]
    fn a_value_with_an_illegal_octet_is_skipped_and_counted() {
        for value in [
            &b"\"x\""[..],
            b"a b",
            b"a,b",
            b"a\\b",
            b"a\0b",
            b"\xFF",
            b"\xC3\xA4",
        ] {
            let line = [b"__Host-session=", value, b"; __Host-session=ok"].concat();
            let values = candidates([&line[..]], NAME);
            assert_eq!(values.skipped_malformed(), 1);
            assert_eq!(values.collect::<Vec<_>>(), ["ok"]);
        }
    }

    #[test]
    fn an_empty_value_is_yielded_as_empty() {
        assert_eq!(read(b"__Host-session=; __Host-session= \t"), ["", ""]);
    }

    #[test]
    fn four_values_are_kept_and_the_rest_counted() {
        let line = "__Host-session=x; ".repeat(10_000);
        let values = candidates([line.as_bytes()], NAME);
        assert_eq!((values.len(), values.dropped()), (4, 9_996));
        assert_eq!(values.collect::<Vec<_>>(), ["x"; 4]);
    }

    #[test]
    fn skipped_values_take_no_place_among_the_four() {
        let line = format!(
            "{}{}",
            "__Host-session=\"; ".repeat(9),
            "__Host-session=x;".repeat(4)
        );
        let values = candidates([line.as_bytes()], NAME);
        assert_eq!(
            (values.len(), values.dropped(), values.skipped_malformed()),
            (4, 0, 9)
        );
    }

    #[test]
    fn a_pair_is_read_up_to_the_limit_and_skipped_beyond_it() {
        let fits = format!("{NAME}={}", "x".repeat(MAX_PAIR_LEN - NAME.len() - 1));
        assert_eq!(fits.len(), MAX_PAIR_LEN);
        assert_eq!(read(fits.as_bytes()).len(), 1);
        assert_eq!(read(format!("  {fits}\t").as_bytes()).len(), 1);

        let line = format!("{fits}x; {NAME}=ok");
        let values = candidates([line.as_bytes()], NAME);
        assert_eq!(
            (values.skipped_oversized(), values.skipped_malformed()),
            (1, 0)
        );
        assert_eq!(values.collect::<Vec<_>>(), ["ok"]);
    }

    #[test]
    fn oversized_pairs_of_other_names_are_not_counted() {
        let line = format!("a={}; {NAME}=ok", "x".repeat(100_000));
        let values = candidates([line.as_bytes()], NAME);
        assert_eq!((values.len(), values.skipped_oversized()), (1, 0));
    }

    #[test]
    fn hostile_lines_of_one_octet_repeated_yield_nothing() {
        for octet in 0..=u8::MAX {
            let line = vec![octet; 100_000];
            assert!(candidates([&line[..]], NAME).is_empty());
        }
    }

    #[test]
    fn the_counters_outlive_the_values() {
        let line = "__Host-session=x;".repeat(6);
        let mut values = candidates([line.as_bytes()], NAME);
        assert!(!values.is_empty());
        assert_eq!(values.by_ref().count(), 4);
        assert!(values.is_empty());
        assert_eq!(values.next(), None);
        assert_eq!((values.len(), values.dropped()), (0, 2));
    }

    #[test]
    fn debug_output_does_not_show_the_values() {
        let values = candidates([&b"__Host-session=topsecret"[..]], NAME);
        assert!(!format!("{values:?}").contains("topsecret"));
    }
}

#[cfg(all(test, feature = "_proptest"))]
mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::cookie::is_value_octet;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_yield_only_legal_values(
            lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..6),
            name in ".{0,4}",
        ) {
            let values = candidates(lines.iter().map(Vec::as_slice), &name);
            prop_assert!(values.len() <= MAX_CANDIDATES);
            for value in values {
                prop_assert!(value.bytes().all(is_value_octet));
            }
        }

        #[test]
        fn every_pair_of_ours_is_counted_once(line in "(s|S|=|;| |\t|\"|x|\u{2000}){0,60}") {
            let values = candidates([line.as_bytes()], "s");
            let counted = values.len()
                + values.dropped()
                + values.skipped_malformed()
                + values.skipped_oversized();
            let ours = line
                .split(';')
                .filter_map(|pair| pair.split_once('='))
                .filter(|(name, _)| name.trim_matches([' ', '\t']) == "s")
                .count();
            prop_assert_eq!(counted, ours);
        }
    }
}
