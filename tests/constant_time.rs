//! Whether the time of a refusal tells how much of a forgery was right.
//!
//! After dudect (Reparaz, Balasch, Verbauwhede 2017): two classes of input, measured in
//! random order, compared by Welch's t. Class A differs from what is right in its first
//! byte, class B in its last: a comparison that stops at the first difference takes longer
//! for B. The same harness must find that in a comparison that does stop.
//!
//! ```sh
//! scripts/constant-time.sh
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a failure fails the test; statistics are approximate, and printed"
)]

use core::{hint::black_box, time::Duration};
use std::time::Instant;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sealed_session::{
    EncryptedCodec, Policy, SignedCodec,
    codec::{Codec, Suite},
    keys::{Key, KeyRing},
    payload::Plain,
    random::{OsRandom, Random as _},
};

/// dudect's threshold: from |t| = 4.5 on it suspects a leak, from 10 on it is sure. With two
/// classes that do not differ, |t| > 4.5 comes once in 150,000 comparisons; but a machine that
/// is busy with other things is not that fair. So a leak is what exceeds 4.5 in every one of
/// several rounds with fresh inputs, always to the same side.
const THRESHOLD: f64 = 4.5;
const ROUNDS: usize = 4;
/// Differing inputs per class and round: what a single address does to a cache is noise.
const INPUTS: usize = 64;
/// Of all measurements, the slowest are interrupts: above each of these
/// percentiles of their class they are left out, and the t that is farthest from zero counts.
const CROPS: [usize; 4] = [50, 75, 90, 99];

/// What is measured: the same operation on an input of either class.
struct Subject<'a> {
    name: &'static str,
    /// Operations in one measurement, since a clock ticks in tens of nanoseconds.
    batch: usize,
    /// A fresh input of class A (`false`) or B (`true`).
    prepare: &'a dyn Fn(bool) -> Vec<u8>,
    operate: &'a dyn Fn(&[u8]) -> bool,
}

/// Welch's t of two samples, and the difference that would give [`THRESHOLD`].
fn welch(a: &[f64], b: &[f64]) -> (f64, f64) {
    let moments = |sample: &[f64]| {
        let n = sample.len() as f64;
        let mean = sample.iter().sum::<f64>() / n;
        let squares = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        (mean, squares / (n - 1.0) / n)
    };
    let ((mean_a, error_a), (mean_b, error_b)) = (moments(a), moments(b));
    let error = (error_a + error_b).sqrt().max(f64::MIN_POSITIVE);
    ((mean_b - mean_a) / error, THRESHOLD * error)
}

/// One round: t of the crop that is farthest from zero, and how many nanoseconds would show
/// in one operation.
fn measure(subject: &Subject<'_>, samples: usize) -> (f64, f64) {
    let inputs: Vec<(bool, Vec<u8>)> = (0..2 * INPUTS)
        .map(|n| (n % 2 == 1, (subject.prepare)(n % 2 == 1)))
        .collect();
    let mut order = vec![0; samples];
    OsRandom.fill(&mut order).unwrap();
    let mut times = Vec::with_capacity(samples);
    for (n, chance) in order.into_iter().enumerate() {
        let (class, input) = &inputs[usize::from(chance) % inputs.len()];
        let start = Instant::now();
        for _ in 0..subject.batch {
            black_box((subject.operate)(black_box(input)));
        }
        let time = start.elapsed().as_nanos() as f64;
        // The first ones warm caches and predictors.
        if n > samples / 20 {
            times.push((*class, time));
        }
    }
    let [a, b] = [false, true].map(|wanted| {
        let class = times.iter().filter(|(class, _)| *class == wanted);
        let mut class: Vec<f64> = class.map(|(_, time)| *time).collect();
        class.sort_by(f64::total_cmp);
        class
    });
    let statistics = CROPS.map(|percent| {
        let kept = |class: &[f64]| class.len() * percent / 100;
        welch(&a[..kept(&a)], &b[..kept(&b)])
    });
    let farthest = statistics.iter().map(|(t, _)| *t);
    let farthest = farthest.max_by(|a, b| a.abs().total_cmp(&b.abs()));
    let finest = statistics.iter().map(|(_, shows)| *shows);
    let finest = finest.fold(f64::INFINITY, f64::min) / subject.batch as f64;
    (farthest.unwrap(), finest)
}

/// Whether every round sees a difference, always the same one. Ends with the first that
/// does not.
fn leaks(subject: &Subject<'_>) -> bool {
    let samples = std::env::var("TIMING_SAMPLES").map_or(20_000, |text| text.parse().unwrap());
    let mut statistics = Vec::new();
    let mut resolution = 0.0;
    while statistics.len() < ROUNDS {
        let (t, shows) = measure(subject, samples);
        resolution = shows;
        statistics.push(t);
        if t.abs() <= THRESHOLD || t * statistics[0] < 0.0 {
            break;
        }
    }
    let leaks = statistics.len() == ROUNDS
        && statistics
            .iter()
            .all(|t| t.abs() > THRESHOLD && t * statistics[0] > 0.0);
    let shown: Vec<String> = statistics.iter().map(|t| format!("{t:+.2}")).collect();
    println!(
        "{}: t = {} over {samples} measurements each, which show {resolution:.1} ns: {}",
        subject.name,
        shown.join(", "),
        if leaks {
            "a difference"
        } else {
            "no difference"
        },
    );
    leaks
}

fn codec<S: Suite>() -> Codec<S> {
    let hour = Duration::from_hours(1);
    let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
    let policy = Policy::new(hour, hour).unwrap();
    Codec::builder("example.com", keys, policy).build().unwrap()
}

#[cfg(feature = "aws-lc")]
fn with_aws_lc(codec: &EncryptedCodec) -> EncryptedCodec {
    let (keys, policy) = (codec.keys().clone(), codec.policy().clone());
    EncryptedCodec::builder(codec.context(), keys, policy)
        .aead_provider(sealed_session::codec::AeadProvider::AwsLc)
        .build()
        .unwrap()
}

/// A token whose tag is wrong in its first or in its last byte.
fn forged<S: Suite>(codec: &Codec<S>, tag_len: usize, last: bool) -> Vec<u8> {
    let identity = codec.new_identity().unwrap();
    let sealed = codec.seal(&identity, &Plain(7_u64)).unwrap();
    let mut token = URL_SAFE_NO_PAD.decode(sealed.value()).unwrap();
    let position = token.len() - if last { 1 } else { tag_len };
    token[position] ^= 0x55;
    URL_SAFE_NO_PAD.encode(token).into_bytes()
}

fn opens<S: Suite>(codec: &Codec<S>, token: &[u8]) -> bool {
    codec
        .open_token(core::str::from_utf8(token).unwrap())
        .is_ok()
}

fn random_key() -> [u8; 32] {
    let mut key = [0; 32];
    OsRandom.fill(&mut key).unwrap();
    key
}

/// A key that is another in its first or in its last byte.
fn other_key(key: &[u8; 32], last: bool) -> Vec<u8> {
    let mut other = key.to_vec();
    other[if last { 31 } else { 0 }] ^= 0x55;
    other
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes optimised code: scripts/constant-time.sh"
)]
fn the_time_of_a_refusal_does_not_tell_which_byte_of_a_tag_is_wrong() {
    let encrypted: EncryptedCodec = codec();
    assert!(!leaks(&Subject {
        name: "AES-GCM tag, first byte wrong against last",
        batch: 1,
        prepare: &|last| forged(&encrypted, 16, last),
        operate: &|token| opens(&encrypted, token),
    }));
    #[cfg(feature = "aws-lc")]
    let aws_lc = with_aws_lc(&encrypted);
    #[cfg(feature = "aws-lc")]
    assert!(!leaks(&Subject {
        name: "AES-GCM tag with AWS-LC, first byte wrong against last",
        batch: 1,
        prepare: &|last| forged(&aws_lc, 16, last),
        operate: &|token| opens(&aws_lc, token),
    }));
    let signed: SignedCodec = codec();
    assert!(!leaks(&Subject {
        name: "HMAC tag, first byte wrong against last",
        batch: 1,
        prepare: &|last| forged(&signed, 32, last),
        operate: &|token| opens(&signed, token),
    }));
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes optimised code: scripts/constant-time.sh"
)]
fn the_time_of_comparing_keys_does_not_tell_where_they_differ() {
    let root = random_key();
    let key = Key::from_bytes(&root).unwrap();
    let others = [false, true].map(|last| Key::from_bytes(&other_key(&root, last)).unwrap());
    assert!(!leaks(&Subject {
        name: "keys, first byte different against last",
        batch: 64,
        prepare: &|last| vec![u8::from(last)],
        operate: &|which| key == others[usize::from(which[0])],
    }));
}

/// The control: a comparison that stops at the first difference is found, so that what is
/// not found above is not merely missed.
#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes optimised code: scripts/constant-time.sh"
)]
fn the_same_harness_finds_a_comparison_that_stops_early() {
    let root = random_key();
    let stops_early = |other: &[u8]| {
        for (ours, theirs) in root.iter().zip(other) {
            if black_box(ours) != black_box(theirs) {
                return false;
            }
        }
        true
    };
    assert!(leaks(&Subject {
        name: "control: stops at the first difference",
        batch: 64,
        prepare: &|last| other_key(&root, last),
        operate: &stops_early,
    }));
}
