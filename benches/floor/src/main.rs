//! How far this library is from the least that a sealed cookie can cost, and from a
//! common alternative, measured in one run.
//!
//! * **floor**: the same without what makes it a session, with AES-256-GCM (`floors.rs`);
//!   **xaes**: with XAES-256-GCM, as the library's, so that any number of nonces can be random.
//! * **ours**: the library as it comes, whose AES is `RustCrypto`'s; **aws-lc**: the same with
//!   `AeadProvider::AwsLc`.
//! * **peer**: `PrivateJar` of the crate `cookie`, its payload in JSON, as web frameworks
//!   use it. No expiry, no rotation.
//!
//! The contenders take turns in short rounds, so that a change of the processor's speed
//! meets all of them; the figures are medians over the rounds. A second table shows what
//! further threads add (`scaling.rs`).

#[path = "../../../tests/support/mod.rs"]
mod support;

mod floors;
mod scaling;

use std::{hint::black_box, time::Instant};

use cookie::{Cookie, CookieJar, Key as JarKey};
use floors::Floor;
use sealed_session::{EncryptedCodec, SessionData, SignedCodec, codec::AeadProvider};
use support::{Cart, Flash, Login, OAuth, codec, read};

const NAME: &str = "__Host-session";
const ROUNDS: usize = 101;
/// Short enough that a round of all contenders takes a few milliseconds.
const ROUND_NANOS: u128 = 400_000;

/// With `--scaling`, the table of threads alone; with `--quick`, in fewer rounds.
fn main() {
    let has = |flag| std::env::args().any(|argument| argument == flag);
    if has("--scaling") {
        return scaling::table(has("--quick"));
    }
    println!("nanoseconds per operation, medians of {ROUNDS} interleaved rounds\n");
    println!(
        "{:<8}{:<6}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>9}{:>9}{:>8}{:>9}{:>9}{:>8}",
        "session",
        "",
        "floor",
        "xaes",
        "ours",
        "aws-lc",
        "signed",
        "peer",
        "ours/fl",
        "ours/xa",
        "peer/us",
        "awslc/fl",
        "awslc/xa",
        "peer/al"
    );
    compare("login", &read::<Login>(support::LOGIN));
    compare("flash", &read::<Flash>(support::FLASH));
    compare("oauth", &read::<OAuth>(support::OAUTH));
    compare("cart10", &read::<Cart>(support::CART_10));
    compare("cart40", &read::<Cart>(support::CART_40));
    println!(
        "aims     login: seal 1.40 and open 1.55 of xaes; peer/us: login 1.05 and 1.35, \
         flash and oauth 1.3 and 1.5, carts 2"
    );
    refuse();
    parts();
    scaling::table(has("--quick"));
}

fn compare<T: SessionData>(file: &str, data: &T) {
    let (floor, xaes) = (floors::Gcm::new(), floors::Xaes::new());
    let jar_key = JarKey::generate();
    let codec: EncryptedCodec = codec();
    let aws_lc = with_aws_lc(&codec);
    let signed: SignedCodec = support::codec();
    let identity = codec.new_identity().unwrap();

    let seal = medians(&mut [
        &mut || drop(black_box(floor.seal(black_box(data)))),
        &mut || drop(black_box(xaes.seal(black_box(data)))),
        &mut || drop(black_box(codec.seal(&identity, black_box(data)))),
        &mut || drop(black_box(aws_lc.seal(&identity, black_box(data)))),
        &mut || drop(black_box(signed.seal(&identity, black_box(data)))),
        &mut || drop(black_box(jar_seal(&jar_key, black_box(data)))),
    ]);
    row(file, "seal", &seal);

    let floor_value = floor.seal(data);
    let xaes_value = xaes.seal(data);
    let value = codec.seal(&identity, data).unwrap().into_value();
    let signed_value = signed.seal(&identity, data).unwrap().into_value();
    // The browser sends back what it was given, so the peer opens an encoded value.
    let jar_value = jar_seal(&jar_key, data);
    let open = medians(&mut [
        &mut || drop(black_box(floor.open::<T>(black_box(&floor_value)))),
        &mut || drop(black_box(xaes.open::<T>(black_box(&xaes_value)))),
        &mut || drop(black_box(codec.open::<T>(black_box(&value)))),
        &mut || drop(black_box(aws_lc.open::<T>(black_box(&value)))),
        &mut || drop(black_box(signed.open::<T>(black_box(&signed_value)))),
        &mut || drop(black_box(jar_open::<T>(&jar_key, black_box(&jar_value)))),
    ]);
    row(file, "open", &open);
}

fn row(file: &str, operation: &str, times: &[f64]) {
    let [floor, xaes, ours, aws_lc, signed, peer] = *times else {
        return;
    };
    println!(
        "{file:<8}{operation:<6}{floor:>8.0}{xaes:>8.0}{ours:>8.0}{aws_lc:>8.0}{signed:>8.0}{peer:>8.0}\
         {:>9.2}{:>9.2}{:>8.2}{:>9.2}{:>9.2}{:>8.2}",
        ours / floor,
        ours / xaes,
        peer / ours,
        aws_lc / floor,
        aws_lc / xaes,
        peer / aws_lc,
    );
}

/// The same codec with the other provider: it opens what that one seals.
fn with_aws_lc(codec: &EncryptedCodec) -> EncryptedCodec {
    let (keys, policy) = (codec.keys().clone(), codec.policy().clone());
    EncryptedCodec::builder(codec.context(), keys, policy)
        .aead_provider(AeadProvider::AwsLc)
        .build()
        .unwrap()
}

/// What it costs to turn somebody away.
fn refuse() {
    let codec: EncryptedCodec = codec();
    let stranger: EncryptedCodec = support::codec();
    let login: Login = read(support::LOGIN);
    let seal = |codec: &EncryptedCodec| {
        let identity = codec.new_identity().unwrap();
        codec.seal(&identity, &login).unwrap().into_value()
    };
    let unknown = seal(&stranger);
    let flipped = {
        let mut value = seal(&codec).into_bytes();
        let middle = value.len() / 2;
        value[middle] = if value[middle] == b'A' { b'B' } else { b'A' };
        String::from_utf8(value).unwrap()
    };
    let garbage = "x".repeat(4096);
    let open = |value: &str| drop(black_box(codec.open::<Login>(black_box(value))));
    let times = medians(
        &mut [&mut || open(&unknown), &mut || open(&garbage), &mut || {
            open(&flipped)
        }],
    );
    println!("\nrefusing");
    for (what, time) in ["unknown key", "4 KB of garbage", "a flipped bit"]
        .iter()
        .zip(times)
    {
        println!("{what:<16}{time:>8.1}");
    }
}

/// What the system charges, whoever asks.
fn parts() {
    let mut nonce = [0; 24];
    let times = medians(&mut [
        &mut || {
            getrandom::fill(black_box(&mut nonce)).unwrap();
        },
        &mut || {
            black_box(std::time::SystemTime::now());
        },
        &mut || drop(black_box(Vec::<u8>::with_capacity(black_box(300)))),
    ]);
    println!("\nof which");
    for (what, time) in ["24 random bytes", "the clock", "an allocation"]
        .iter()
        .zip(times)
    {
        println!("{what:<16}{time:>8.1}");
    }
}

fn jar_seal<T: SessionData>(key: &JarKey, data: &T) -> String {
    let mut jar = CookieJar::new();
    let json = serde_json::to_string(data).unwrap();
    jar.private_mut(key).add(Cookie::new(NAME, json));
    jar.get(NAME).unwrap().value().to_owned()
}

fn jar_open<T: SessionData>(key: &JarKey, value: &str) -> Option<T> {
    let mut jar = CookieJar::new();
    jar.add_original(Cookie::new(NAME, value.to_owned()));
    let cookie = jar.private(key).get(NAME)?;
    serde_json::from_str(cookie.value()).ok()
}

/// The median time of each operation, the operations taking turns.
fn medians(operations: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let repeats: Vec<u32> = operations
        .iter_mut()
        .map(|operation| calibrate(operation))
        .collect();
    let mut times = vec![Vec::with_capacity(ROUNDS); operations.len()];
    for _ in 0..ROUNDS {
        for ((operation, &repeats), times) in operations.iter_mut().zip(&repeats).zip(&mut times) {
            let start = Instant::now();
            for _ in 0..repeats {
                operation();
            }
            times.push(start.elapsed().as_nanos() as f64 / f64::from(repeats));
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[ROUNDS / 2]
        })
        .collect()
}

/// How often an operation fits a round, after it has warmed up.
fn calibrate(operation: &mut dyn FnMut()) -> u32 {
    let mut repeats = 16_u32;
    loop {
        let start = Instant::now();
        for _ in 0..repeats {
            operation();
        }
        if start.elapsed().as_nanos() >= ROUND_NANOS {
            return repeats;
        }
        repeats *= 2;
    }
}
