//! Any `Cookie` lines, one per line of the input: the values are those that the reading rules
//! R1 to R9 name, said once more here; and what the writer sets is what the reader finds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealed_session::cookie::{
    CookieConfig, MAX_CANDIDATES, MAX_NAME_VALUE_LEN, MAX_PAIR_LEN, candidates,
};
use sealed_session_fuzz::world::NAME;

fuzz_target!(|data: &[u8]| {
    let lines: Vec<&[u8]> = data.split(|&byte| byte == b'\n').collect();
    for name in [NAME, "s", ""] {
        check(&lines, name);
    }
    write(data);
});

fn check(lines: &[&[u8]], name: &str) {
    let (mut legal, mut oversized, mut malformed) = (Vec::new(), 0, 0);
    for pair in lines
        .iter()
        .flat_map(|line| line.split(|&byte| byte == b';'))
    {
        let pair = trim(pair);
        let Some(equals) = pair.iter().position(|&byte| byte == b'=') else {
            continue;
        };
        let value = trim(&pair[equals + 1..]);
        if trim(&pair[..equals]) != name.as_bytes() {
            continue;
        }
        if pair.len() > MAX_PAIR_LEN {
            oversized += 1;
        } else if value.iter().all(|&octet| is_cookie_octet(octet)) {
            legal.push(value);
        } else {
            malformed += 1;
        }
    }
    let found = candidates(lines.iter().copied(), name);
    let counted = (found.skipped_oversized(), found.skipped_malformed());
    assert_eq!(counted, (oversized, malformed));
    assert_eq!(found.dropped(), legal.len().saturating_sub(MAX_CANDIDATES));
    legal.truncate(MAX_CANDIDATES);
    assert_eq!(found.len(), legal.len());
    let values: Vec<&[u8]> = found.map(str::as_bytes).collect();
    assert_eq!(values, legal);
}

/// A name and a value: what is set is read, and is never longer than browsers keep.
fn write(data: &[u8]) {
    let Some((name, value)) = core::str::from_utf8(data)
        .ok()
        .and_then(|text| text.split_once('='))
    else {
        return;
    };
    let Ok(config) = CookieConfig::named(name).build() else {
        return;
    };
    let fits = name.len() + value.len() <= MAX_NAME_VALUE_LEN;
    let legal = value.bytes().all(is_cookie_octet);
    let set = config.set_cookie(value, None);
    assert_eq!(set.is_ok(), fits && legal);
    for line in set.into_iter().chain(config.removals()) {
        assert!(line.bytes().all(|octet| (b' '..=b'~').contains(&octet)));
        let pair = line.split(';').next().unwrap();
        let mut found = candidates([pair.as_bytes()], name);
        let read = found.next().unwrap();
        assert!(read == value || read.is_empty());
        assert_eq!(found.next(), None);
    }
}

fn is_cookie_octet(octet: u8) -> bool {
    matches!(octet, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

fn trim(octets: &[u8]) -> &[u8] {
    let blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    let start = octets.iter().take_while(|octet| blank(octet)).count();
    let end = octets.iter().rev().take_while(|octet| blank(octet)).count();
    octets.get(start..octets.len() - end).unwrap_or_default()
}
