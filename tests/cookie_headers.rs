//! What a server makes of `Cookie` lines: the reading rules R1 to R9 of `sealed_session::cookie`
//! in cases, as browsers, proxies and attackers send them.
//!
//! This project's own, since the public corpus has no licence; see `tests/foreign/README.md`.
#![allow(clippy::arithmetic_side_effects, reason = "a failure fails the test")]

use sealed_session::cookie::{MAX_PAIR_LEN, candidates};

/// Lines of a request; which cookie is looked for; what is found; how many are dropped,
/// skipped as oversized and skipped as malformed.
struct Case(
    &'static [&'static [u8]],
    &'static str,
    &'static [&'static str],
    [usize; 3],
);

const NONE: [usize; 3] = [0, 0, 0];
const ONE_MALFORMED: [usize; 3] = [0, 0, 1];

const CASES: &[Case] = &[
    // Nothing there.
    Case(&[], "s", &[], NONE),
    Case(&[b""], "s", &[], NONE),
    Case(&[b" \t "], "s", &[], NONE),
    Case(&[b";"], "s", &[], NONE),
    Case(&[b";;; ; ;"], "s", &[], NONE),
    Case(&[b"="], "s", &[], NONE),
    Case(&[b"=;=;="], "s", &[], NONE),
    Case(&[b"a=b"], "s", &[], NONE),
    // One, as browsers send it (RFC 6265 section 4.2.1).
    Case(&[b"s=1"], "s", &["1"], NONE),
    Case(&[b"a=b; s=1"], "s", &["1"], NONE),
    Case(&[b"s=1; a=b"], "s", &["1"], NONE),
    Case(&[b"a=b; s=1; c=d"], "s", &["1"], NONE),
    Case(
        &[b"__Host-session=abc-_."],
        "__Host-session",
        &["abc-_."],
        NONE,
    ),
    // R1: lines in order, as HTTP/2 splits them.
    Case(&[b"a=b", b"s=1", b"c=d"], "s", &["1"], NONE),
    Case(&[b"s=1", b"s=2"], "s", &["1", "2"], NONE),
    Case(&[b"s=1;", b"", b"; s=2"], "s", &["1", "2"], NONE),
    // A pair does not go on in the next line.
    Case(&[b"s", b"=1"], "s", &[], NONE),
    Case(&[b"s=", b"1"], "s", &[""], NONE),
    // R2: nothing but `;` separates.
    Case(&[b"a=b;s=1"], "s", &["1"], NONE),
    Case(&[b"a=b ;\ts=1 ;"], "s", &["1"], NONE),
    Case(&[b"a=b, s=1"], "s", &[], NONE),
    Case(&[b"a=b& s=1"], "s", &[], NONE),
    Case(&[b"a=b\r\ns=1"], "s", &[], NONE),
    Case(&[b"a=b\0s=1"], "s", &[], NONE),
    Case(&[b"a=b|s=1"], "s", &[], NONE),
    Case(&[b"s=1, a=b"], "s", &[], ONE_MALFORMED),
    Case(&[b"$Version=1; s=1; $Path=/; $Domain=x"], "s", &["1"], NONE),
    Case(&[b"$Version=\"1\", s=1"], "s", &[], NONE),
    // A quoted string hides no pair, neither ours nor another's.
    Case(&[b"a=\"x; s=1; y\""], "s", &["1"], NONE),
    Case(&[b"a=\"; s=1"], "s", &["1"], NONE),
    Case(&[b"s=\"x; a=y\""], "s", &[], ONE_MALFORMED),
    // R3: only space and tab are trimmed.
    Case(&[b"  s=1  "], "s", &["1"], NONE),
    Case(&[b"s = 1"], "s", &["1"], NONE),
    Case(&[b"\ts\t=\t1\t"], "s", &["1"], NONE),
    Case(&[b"a=b;  \t  s=1"], "s", &["1"], NONE),
    Case(&[b"\xc2\xa0s=1"], "s", &[], NONE),
    Case(&[b"\xe2\x80\x80s=1"], "s", &[], NONE),
    Case(&[b"\xef\xbb\xbfs=1"], "s", &[], NONE),
    Case(&[b"\x0bs=1"], "s", &[], NONE),
    Case(&[b"s\x0c=1"], "s", &[], NONE),
    Case(&[b"\rs=1"], "s", &[], NONE),
    Case(&[b"s=1\r"], "s", &[], ONE_MALFORMED),
    Case(&[b"s=\x0b1"], "s", &[], ONE_MALFORMED),
    // R4: the first `=` ends the name.
    Case(&[b"s=a=b"], "s", &["a=b"], NONE),
    Case(&[b"s==1"], "s", &["=1"], NONE),
    Case(&[b"s=MTIz=="], "s", &["MTIz=="], NONE),
    Case(&[b"s"], "s", &[], NONE),
    Case(&[b"s; s=1"], "s", &["1"], NONE),
    Case(&[b"=s=1"], "s", &[], NONE),
    Case(&[b"==1"], "s", &[], NONE),
    Case(&[b"= s=1"], "s", &[], NONE),
    // R5: names octet for octet.
    Case(&[b"S=1"], "s", &[], NONE),
    Case(&[b"ss=1; s1=1; xs=1"], "s", &[], NONE),
    Case(&[b"%73=1"], "s", &[], NONE),
    Case(&[b"\"s\"=1"], "s", &[], NONE),
    Case(&[b"'s'=1"], "s", &[], NONE),
    Case(&[b"s[]=1"], "s", &[], NONE),
    Case(&[b"s.x=1"], "s", &[], NONE),
    Case(&[b"s\0=1"], "s", &[], NONE),
    Case(&[b"%5F%5FHost-session=x"], "__Host-session", &[], NONE),
    Case(&[b"__Host-session%00=x"], "__Host-session", &[], NONE),
    Case(&[b"__host-session=x"], "__Host-session", &[], NONE),
    Case(&[b"__HOST-SESSION=x"], "__Host-session", &[], NONE),
    Case(&[b"..Host-session=x"], "__Host-session", &[], NONE),
    Case(&[b"_ _Host-session=x"], "__Host-session", &[], NONE),
    Case(&[b"__Host-session=x"], "session", &[], NONE),
    Case(&[b"__Host-Http-session=x"], "__Host-session", &[], NONE),
    // R7: a value of legal octets, taken as it is.
    Case(&[b"s="], "s", &[""], NONE),
    Case(&[b"s= \t "], "s", &[""], NONE),
    Case(&[b"s=%41%3b"], "s", &["%41%3b"], NONE),
    Case(&[b"s=a+b"], "s", &["a+b"], NONE),
    Case(
        &[b"s=!#$%&'()*+-./:<=>?@[]^_`{|}~"],
        "s",
        &["!#$%&'()*+-./:<=>?@[]^_`{|}~"],
        NONE,
    ),
    Case(&[b"s=\"1\""], "s", &[], ONE_MALFORMED),
    Case(&[b"s=a b"], "s", &[], ONE_MALFORMED),
    Case(&[b"s=a\\b"], "s", &[], ONE_MALFORMED),
    Case(&[b"s=a\0"], "s", &[], ONE_MALFORMED),
    Case(&[b"s=\x7f"], "s", &[], ONE_MALFORMED),
    Case(&[b"s=\xff\xfe"], "s", &[], ONE_MALFORMED),
    Case(&[b"s=\xc3\xa9"], "s", &[], ONE_MALFORMED),
    Case(&[b"s=a\rb; s=ok"], "s", &["ok"], ONE_MALFORMED),
    // R8: four of one name, the earliest first.
    Case(&[b"s=1; s=2"], "s", &["1", "2"], NONE),
    Case(&[b"s=1; s=1"], "s", &["1", "1"], NONE),
    Case(&[b"s=1;s=2;s=3;s=4"], "s", &["1", "2", "3", "4"], NONE),
    Case(
        &[b"s=1;s=2;s=3;s=4;s=5"],
        "s",
        &["1", "2", "3", "4"],
        [1, 0, 0],
    ),
    Case(
        &[b"s=1;s=2;s=3", b"s=4;s=5;s=6"],
        "s",
        &["1", "2", "3", "4"],
        [2, 0, 0],
    ),
    Case(
        &[b"s=\";s=2;s=3;s=4;s=5"],
        "s",
        &["2", "3", "4", "5"],
        ONE_MALFORMED,
    ),
    Case(&[b"s=;s=;s=;s=;s=real"], "s", &["", "", "", ""], [1, 0, 0]),
];

#[test]
fn cookie_headers_are_read_as_the_cases_say() {
    for Case(lines, name, expected, counts) in CASES {
        check(lines, name, expected, *counts);
    }
    println!("cookie headers: {} cases run", CASES.len());
}

/// R6: in every place the length of one pair is what counts, and not that of its neighbours.
#[test]
fn one_octet_more_than_a_pair_may_have_is_skipped_wherever_it_stands() {
    let mut count = 0;
    for len in [MAX_PAIR_LEN, MAX_PAIR_LEN + 1, 100_000] {
        let long = format!("s={}", "x".repeat(len - 2));
        let value = &long[2..];
        let fits = len <= MAX_PAIR_LEN;
        let oversized = [0, usize::from(!fits), 0];
        for line in [
            long.clone(),
            format!("a={value}; {long}; a={value}"),
            format!(" \t {long} \t "),
        ] {
            let expected = if fits { &[value][..] } else { &[] };
            check(&[line.as_bytes()], "s", expected, oversized);
            count += 1;
        }
    }
    println!("cookie headers: {count} cases of length run");
}

fn check(lines: &[&[u8]], name: &str, expected: &[&str], counts: [usize; 3]) {
    let shown = || {
        let lines = lines.iter().map(|line| line.escape_ascii().to_string());
        lines.collect::<Vec<_>>().join(" | ")
    };
    let found = candidates(lines.iter().copied(), name);
    let counted = [
        found.dropped(),
        found.skipped_oversized(),
        found.skipped_malformed(),
    ];
    assert_eq!(counted, counts, "{}", shown());
    assert_eq!(found.collect::<Vec<_>>(), expected, "{}", shown());
}
