//! The attack on compression as an experiment: an attacker who can put text into a session
//! beside a secret, and sees the length of the cookie and nothing else, recovers the secret
//! where everything is compressed (CRIME, BREACH), learns nothing by default while the session
//! fits, and learns something from one that the attacker has made too large to fit.
//!
//! ```sh
//! cargo test --release --test compression_attack -- --nocapture
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a failure fails the test"
)]

use core::time::Duration;
use std::{collections::BTreeMap, sync::LazyLock};

use sealed_session::{
    EncryptedCodec, Policy, SealError, SessionData, Values,
    codec::{Sealed, encoded_len},
    keys::{Key, KeyRing},
    payload::Compression,
    random::{OsRandom, Random as _},
};
use serde::{Deserialize, Serialize};

/// The secret's alphabet and its length: 64 bits.
const ALPHABET: &[u8; 16] = b"0123456789abcdef";
const SECRET_LEN: usize = 16;
/// Secrets that are attacked.
const VICTIMS: u64 = 6;
/// Letters of a session beside it.
const REST: usize = 600;
/// What the attacker knows to stand before the secret.
const KNOWN: &str = "csrf_token=";

/// Text that does not compress well and looks like no secret.
static FILLING: LazyLock<String> = LazyLock::new(|| {
    let signs = b"!%()*+/:;<>@[]^{|}~GHIJKLMNOPQRSTUVWXYZ.,?#$&'`";
    let mut state = 1_u32;
    let random = core::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        signs[(state >> 16) as usize % signs.len()]
    });
    let each_once = signs.iter().copied();
    each_once
        .chain(random.take(1_000))
        .map(char::from)
        .collect()
});

/// A session with a secret, and a search that its user made: on a page of the attacker's,
/// any text.
#[derive(Serialize, Deserialize)]
struct Shop {
    csrf: String,
    last_search: String,
    rest: String,
}

impl SessionData for Shop {}

/// Seals the session in which `text` is the attacker's.
type Session = fn(&Victim, text: &str) -> Result<Sealed, SealError>;

fn typed(victim: &Victim, text: &str) -> Result<Sealed, SealError> {
    victim.seal(&Shop {
        csrf: format!("{KNOWN}{}", victim.secret),
        last_search: text.to_owned(),
        rest: victim.rest.clone(),
    })
}

/// The secret as a text of several forms and as a key, and the attacker's text as the same.
fn values(victim: &Victim, text: &str) -> Result<Sealed, SealError> {
    let secret = &victim.secret;
    let row = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let csrf = format!("{KNOWN}{secret}");
    let texts = [("csrf", &*csrf), ("token", secret), ("rest", &victim.rest)];
    let mut session = Values::new();
    for (key, value) in [("last_search", text), (text, "")].into_iter().chain(texts) {
        session.insert(key, value).unwrap();
    }
    session.insert("by_token", &row(secret, "")).unwrap();
    let rows = |key: &str, value: &str| [row(key, value), row(key, value)];
    session.insert("tokens", &rows(secret, secret)).unwrap();
    session.insert("searches", &rows(text, text)).unwrap();
    victim.seal(&session)
}

/// A server, and how often it was asked.
struct Victim {
    codec: EncryptedCodec,
    session: Session,
    secret: String,
    rest: String,
    requests: u64,
}

impl Victim {
    fn new(compression: Compression, session: Session) -> Self {
        let hour = Duration::from_hours(1);
        let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
        let codec = EncryptedCodec::builder("example.com", keys, Policy::new(hour, hour).unwrap());
        let mut random = vec![0; SECRET_LEN + REST];
        OsRandom.fill(&mut random).unwrap();
        let rest = random.split_off(SECRET_LEN);
        let rest = rest.iter().map(|byte| char::from(b'a' + byte % 26));
        let secret = random.iter().map(|byte| ALPHABET[usize::from(byte % 16)]);
        Self {
            codec: codec.compression(compression).build().unwrap(),
            session,
            secret: secret.map(char::from).collect(),
            rest: rest.collect(),
            requests: 0,
        }
    }

    /// All that the attacker sees: how long the cookie becomes with that text in it. A cookie
    /// that does not fit is not set.
    fn cookie_len(&mut self, text: &str) -> usize {
        self.requests += 1;
        let sealed = (self.session)(self, text);
        sealed.map_or(0, |sealed| sealed.value().len())
    }

    fn seal<T: SessionData>(&self, session: &T) -> Result<Sealed, SealError> {
        self.codec
            .seal(&self.codec.new_identity().unwrap(), session)
    }
}

/// How a guess looks from outside: the less, the more it looks right.
type Measure = fn(&mut Victim, guess: &str, others: &str) -> i64;

/// Guesses the secret character by character; gives how many it got right.
fn recover(victim: &mut Victim, measure: Measure) -> u64 {
    let mut known = String::new();
    while known.len() < SECRET_LEN {
        let guesses = ALPHABET.map(|letter| {
            let letter = char::from(letter);
            let guess = format!("{KNOWN}{known}{letter}");
            // Every letter once, so that which one is guessed changes no frequencies: what
            // differs is the repetition alone.
            let others = ALPHABET.iter().map(|&other| char::from(other));
            let others = others.zip(FILLING.chars()).flat_map(|(other, sign)| {
                let other = (other != letter).then_some(other);
                other.into_iter().chain([sign])
            });
            (measure(victim, &guess, &others.collect::<String>()), letter)
        });
        known.push(guesses.into_iter().min().unwrap().1);
    }
    let pairs = known.bytes().zip(victim.secret.bytes());
    pairs
        .filter(|(guessed, true_one)| guessed == true_one)
        .count() as u64
}

/// By the cookie's length. Deflate's codes are not whole bytes, so that one character may
/// not show: each guess is asked with several fillings, which move it to another bit.
fn by_length(victim: &mut Victim, guess: &str, others: &str) -> i64 {
    let lengths = (0..48).map(|len| {
        let filling = &FILLING[len..2 * len];
        victim.cookie_len(&format!("{guess}{filling}{others}"))
    });
    i64::try_from(lengths.sum::<usize>()).unwrap()
}

/// The same with text beside the guess that repeats itself, so that the session does not
/// fit until it is compressed.
fn by_length_when_large(victim: &mut Victim, guess: &str, others: &str) -> i64 {
    let large = "-".repeat(4_000);
    by_length(victim, &format!("{large}{guess}"), others)
}

/// By how much filling fits beside the guess before the next size class, which takes a
/// search for each: the padding hides the length, but not where it ends.
fn by_size_class(victim: &mut Victim, guess: &str, others: &str) -> i64 {
    let large = "-".repeat(4_000);
    let room = (0..6).map(|start| {
        let text = |len: usize| format!("{large}{guess}{others}{}", &FILLING[start..start + len]);
        let least = victim.cookie_len(&text(0));
        let (mut fits, mut too_much) = (0, FILLING.len() - start);
        while too_much - fits > 1 {
            let middle = usize::midpoint(fits, too_much);
            if victim.cookie_len(&text(middle)) == least {
                fits = middle;
            } else {
                too_much = middle;
            }
        }
        i64::try_from(fits).unwrap()
    });
    -room.sum::<i64>()
}

/// By how much filling fits beside the guess before the cookie is not set any more, which
/// takes a search.
fn by_what_fits(victim: &mut Victim, guess: &str, others: &str) -> i64 {
    let (mut fits, mut too_much) = (0, 1 << 16);
    while too_much - fits > 1 {
        let middle = usize::midpoint(fits, too_much);
        let text = format!("{guess}{others}{}", "-".repeat(middle));
        if victim.cookie_len(&text) > 0 {
            fits = middle;
        } else {
            too_much = middle;
        }
    }
    -i64::try_from(fits).unwrap()
}

/// Letters recovered of all, and requests.
fn attack(what: &str, compression: Compression, session: Session, measure: Measure) -> u64 {
    let mut requests = 0;
    let right: u64 = (0..VICTIMS)
        .map(|_| {
            let mut victim = Victim::new(compression, session);
            let right = recover(&mut victim, measure);
            requests += victim.requests;
            right
        })
        .sum();
    println!("{what}: {right} of {ALL} characters recovered, in {requests} requests");
    right
}

const ALL: u64 = VICTIMS * SECRET_LEN as u64;
/// Guessing gets one in 16 right. More than three times as many is less likely than one in
/// a hundred thousand.
const CHANCE: u64 = 3 * ALL / 16;

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes optimised code: scripts/compression.sh"
)]
fn the_attack_succeeds_where_everything_is_compressed() {
    let always = Compression::dangerous_always();
    for (what, session) in [("typed", typed as Session), ("Values", values)] {
        let what = format!("dangerous_always, {what}, by length");
        let right = attack(&what, always, session, by_length);
        assert!(right * 2 > ALL, "{what}: {right}");
    }
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes optimised code: scripts/compression.sh"
)]
fn the_attack_learns_nothing_by_default() {
    for compression in [Compression::default(), Compression::NEVER] {
        for (what, measure) in [
            ("by length", by_length as Measure),
            ("by length, made large", by_length_when_large),
            ("by size class", by_size_class),
            ("by what fits", by_what_fits),
        ] {
            let what = format!("{compression:?}, {what}");
            let right = attack(&what, compression, typed, measure);
            assert!(right <= CHANCE, "{what}: {right}");
        }
    }
}

/// The table, the references of rows and packed text: what the attacker writes changes the length
/// of itself alone.
#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes optimised code: scripts/compression.sh"
)]
fn the_attack_learns_nothing_from_values() {
    for (what, measure) in [
        ("by length", by_length as Measure),
        ("by length, made large", by_length_when_large),
        ("by size class", by_size_class),
        ("by what fits", by_what_fits),
    ] {
        let what = format!("Values, {what}");
        let right = attack(&what, Compression::default(), values, measure);
        assert!(right <= CHANCE, "{what}: {right}");
    }
}

/// A key is no secret: who writes rows of the same array sees whether one has the same key, of
/// which all of it must be guessed.
#[test]
fn length_tells_which_keys_the_rows_of_one_array_share() {
    let len = |key: &str| {
        let rows = ["a-secret-key", key].map(|key| BTreeMap::from([(key.to_owned(), 1)]));
        let mut session = Values::new();
        session.insert("rows", &rows).unwrap();
        encoded_len(&session).unwrap()
    };
    assert_eq!(len("a-secret-key") + 12, len("b-secret-key"));
    for (key, like) in [
        ("a-secret-kex", "zzzzzzzzzzzz"),
        ("a-secret-ke", "zzzzzzzzzzz"),
    ] {
        assert_eq!(len(key), len(like));
    }
}

#[test]
fn length_tells_whether_a_text_is_wholly_bytes() {
    let len = |text: &str| {
        let mut session = Values::new();
        session.insert("text", text).unwrap();
        encoded_len(&session).unwrap()
    };
    let base16 = len("0123456789abcdef0123456789abcdef");
    assert_eq!(len("fedcba9876543210fedcba9876543210"), base16);
    let base64url = len("0123456789abcdef0123456789abcdeF");
    let text = len("0123456789abcdef0123456789abcde!");
    assert_eq!([base64url - base16, text - base64url], [7, 7]);
    let uuid = len("00112233-4455-6677-8899-aabbccddeeff");
    assert!(uuid < len("00112233-4455-6677-8899-aabbccddeefg"));
}

/// What padding does not hold, and why compressing what does not fit is not the default: an
/// attacker who can make the session so large that it is compressed, and asks often, finds
/// where a size class ends.
#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes optimised code: scripts/compression.sh"
)]
fn the_attack_succeeds_where_what_does_not_fit_is_compressed() {
    let when_needed = Compression::dangerous_when_needed();
    // Some sessions are luckier than others.
    let succeeds = (0..3).any(|_| {
        attack(
            "dangerous_when_needed, by size class",
            when_needed,
            typed,
            by_size_class,
        ) > CHANCE
    });
    assert!(succeeds, "the padding holds: say so in SECURITY.md");
}
