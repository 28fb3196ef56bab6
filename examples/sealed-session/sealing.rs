//! What `encode` and `decode` share: the keys, the codec, the value on stdin.

use std::{env, io::Read as _};

use sealed_session::{
    Policy,
    codec::{Codec, CodecBuilder, Suite},
    expiry::Lifetimes,
    keys::{KeyRing, RingKey},
    time::{Clock as _, SystemClock, TestClock, Timestamp},
    token::MAX_COOKIE_LEN,
};

use crate::{
    args::{KEY_VARIABLE, SealingArgs},
    failure::Failure,
    keys,
};

/// The codec of these arguments, and the instant at which to use it.
pub(crate) fn codec<S: Suite>(
    args: &SealingArgs,
    limit: usize,
) -> Result<(Codec<S>, Timestamp), Failure> {
    let (builder, clock, now) = builder(args)?;
    let codec = builder
        .name(args.name.as_str())
        .limit(limit)
        .clock(clock)
        .build()?;
    Ok((codec, now))
}

/// The codec of these arguments but for its name, limit and clock; the instant at which to
/// build it, and the one at which to use it.
///
/// A codec is refused whose ring cannot seal. A token can be opened, or found to be from
/// the future, at an instant before that; so the codec is built for the first instant that
/// serves, and used at the one that was asked for.
pub(crate) fn builder<S: Suite>(
    args: &SealingArgs,
) -> Result<(CodecBuilder<S>, TestClock, Timestamp), Failure> {
    let ring = ring(args)?;
    let now = args.at.unwrap_or_else(|| SystemClock.now());
    let first = ring.keys().first().map_or(now, RingKey::seals_from);
    let builder = Codec::builder(args.context.as_str(), ring, policy(args)?);
    Ok((builder, TestClock::at(now.max(first)), now))
}

/// Tokens carry their class by number. All four have these lifetimes, so that tokens of an
/// application with a remember-me class can be opened too.
fn policy(args: &SealingArgs) -> Result<Policy, Failure> {
    let lifetimes = Lifetimes::new(args.idle, args.absolute)?;
    let mut policy = Policy::from(lifetimes);
    for class in ["1", "2", "3"] {
        policy = policy.with_class(class, lifetimes)?;
    }
    Ok(policy)
}

fn ring(args: &SealingArgs) -> Result<KeyRing, Failure> {
    match &args.keys {
        Some(file) => keys::read(file),
        None if env::var_os(KEY_VARIABLE).is_some() => KeyRing::from_env(KEY_VARIABLE)
            .map_err(|error| Failure::Environment(format!("{KEY_VARIABLE}: {error}"))),
        None => Err(Failure::Usage(format!(
            "no keys: make some with `sealed-session keys new --out ring.toml`, \
             then give --keys ring.toml or set {KEY_VARIABLE}"
        ))),
    }
}

/// The cookie value: the argument, or stdin without its final line break.
pub(crate) fn value(argument: Option<&str>) -> Result<String, Failure> {
    if let Some(value) = argument {
        return Ok(value.to_owned());
    }
    // Beyond the longest cookie, two more bytes tell the codec that it is too long.
    let most = u64::try_from(MAX_COOKIE_LEN).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(most.saturating_add(2))
        .read_to_end(&mut bytes)
        .map_err(|error| stdin_failed(&error))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    // What is not Unicode becomes U+FFFD, which no token has.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The cookie's value in a `Set-Cookie` header.
pub(crate) fn value_in(header: &str) -> &str {
    let (_, rest) = header.split_once('=').unwrap_or_default();
    rest.split(';').next().unwrap_or_default()
}

/// The URL, if it is that of a store that another process can open. It is not quoted: it
/// may hold a password.
pub(crate) fn store_url(url: &str) -> Result<&str, Failure> {
    const SCHEMES: [&str; 7] = [
        "sqlite",
        "postgres",
        "postgresql",
        "redis",
        "rediss",
        "redis-cluster",
        "rediss-cluster",
    ];
    let (scheme, _) = url.split_once(':').unwrap_or_default();
    if SCHEMES.contains(&scheme) {
        return Ok(url);
    }
    Err(Failure::Usage(match scheme {
        "memory" => "a store in memory would end with this process: name another".to_owned(),
        _ => format!("not the URL of a store: {}://", SCHEMES.join("://, ")),
    }))
}

pub(crate) fn stdin_failed(error: &std::io::Error) -> Failure {
    Failure::Environment(format!("stdin cannot be read: {}", error.kind()))
}
