//! Keys and names that change while a codec is in use.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test"
)]

use core::time::Duration;
use std::{path::Path, sync::mpsc::sync_channel};

use sealed_session::{
    EncryptedCodec, OpenErrorKind, Policy,
    codec::{CodecBuilder, Encrypted},
    keys::{Key, KeyId, KeyRing, ROTATION_MARGIN, RingError, SharedKeyRing},
    payload::Plain,
    time::{TestClock, Timestamp},
    token::UntrustedToken,
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

fn builder(keys: impl Into<SharedKeyRing>) -> CodecBuilder<Encrypted> {
    let policy = Policy::new(HOUR, 24 * HOUR).unwrap();
    EncryptedCodec::builder("example.com", keys, policy)
}

fn seal(codec: &EncryptedCodec) -> String {
    let identity = codec.new_identity().unwrap();
    codec.seal(&identity, &Plain(7_u8)).unwrap().into_value()
}

fn key_id(value: &str) -> KeyId {
    UntrustedToken::parse(value).unwrap().key_id()
}

fn refused(codec: &EncryptedCodec, value: &str) -> Option<OpenErrorKind> {
    codec.open_token(value).err().map(|error| error.kind())
}

/// In one step, as a deployment does, so that no half file is ever read.
fn publish(path: &Path, ring: &KeyRing) {
    let next = path.with_extension("new");
    std::fs::write(&next, ring.to_secret_toml()).unwrap();
    std::fs::rename(next, path).unwrap();
}

/// A rotation that reaches one server, whose watcher has not looked yet, late.
#[test]
fn a_rotation_reaches_a_codec_with_the_first_token_under_the_new_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.toml");
    let (one, two) = (Key::generate().unwrap(), Key::generate().unwrap());
    let ring = KeyRing::single(one.clone()).unwrap();
    publish(&path, &ring);
    let clock = TestClock::at(NOW);
    let codec = builder(SharedKeyRing::from_file(&path).unwrap())
        .clock(clock.clone())
        .build()
        .unwrap();

    // The new key takes over in one hour; this server does not know yet, another does.
    let takeover = NOW + HOUR;
    let rotated = ring.rotate(NOW, HOUR, HOUR, two.clone()).unwrap();
    let ahead = builder(rotated.clone())
        .clock(TestClock::at(takeover))
        .build()
        .unwrap();
    let theirs = seal(&ahead);
    assert_eq!(key_id(&theirs), two.id());
    clock.set(takeover - SECOND);
    let ours = seal(&codec);
    assert_eq!(refused(&codec, &theirs), Some(OpenErrorKind::UnknownKey));

    // The file arrives. The last look at it was less than ten seconds ago, then it is not.
    publish(&path, &rotated);
    assert_eq!(refused(&codec, &theirs), Some(OpenErrorKind::UnknownKey));
    clock.advance(Duration::from_secs(10));
    let opened = codec.open::<Plain<u8>>(&theirs).unwrap();
    assert!(!opened.needs_rekey());

    // After the takeover the old token is good, and to be sealed anew.
    let opened = codec.open::<Plain<u8>>(&ours).unwrap();
    assert!(opened.needs_rekey());
    let resealed = codec.seal(&opened.identity(), opened.data()).unwrap();
    assert_eq!(key_id(resealed.value()), two.id());
    let again = codec.open::<Plain<u8>>(resealed.value()).unwrap();
    assert!(!again.needs_rekey());
    assert_eq!(again.identity(), opened.identity());

    // A key that is closed opens nothing, and is told apart from a session that is over.
    let closes = takeover + HOUR + ROTATION_MARGIN;
    clock.set(closes - SECOND);
    assert_eq!(refused(&codec, &ours), Some(OpenErrorKind::ExpiredIdle));
    clock.set(closes);
    assert_eq!(refused(&codec, &ours), Some(OpenErrorKind::UnknownKey));
}

#[test]
fn a_watched_file_is_in_force_for_a_codec_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.toml");
    let (one, two) = (Key::generate().unwrap(), Key::generate().unwrap());
    publish(&path, &KeyRing::single(one.clone()).unwrap());
    let keys = SharedKeyRing::from_file(&path).unwrap();
    let codec = builder(keys.clone()).build().unwrap();
    let old = seal(&codec);
    assert_eq!(key_id(&old), one.id());

    let (heard, event) = sync_channel(1);
    keys.on_event(move |_| {
        let _ = heard.try_send(());
    });
    let watcher = keys.watch(Duration::from_millis(1)).unwrap();
    publish(&path, &KeyRing::single(two.clone()).unwrap());
    event.recv_timeout(Duration::from_secs(30)).unwrap();

    assert_eq!(key_id(&seal(&codec)), two.id());
    assert_eq!(refused(&codec, &old), Some(OpenErrorKind::UnknownKey));

    // A file without keys does not take them away.
    publish_nothing(&path);
    event.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(key_id(&seal(&codec)), two.id());
    drop(watcher);
}

fn publish_nothing(path: &Path) {
    let next = path.with_extension("new");
    std::fs::write(&next, "").unwrap();
    std::fs::rename(next, path).unwrap();
}

#[test]
fn a_renamed_cookie_opens_until_its_date_and_is_sealed_anew() {
    let keys = SharedKeyRing::from(KeyRing::single(Key::generate().unwrap()).unwrap());
    let clock = TestClock::at(NOW);
    let until = NOW + 30 * 60 * SECOND;
    let before = builder(keys.clone())
        .name("sid")
        .clock(clock.clone())
        .build()
        .unwrap();
    let value = seal(&before);

    let without = builder(keys.clone()).clock(clock.clone()).build().unwrap();
    assert_eq!(refused(&without, &value), Some(OpenErrorKind::NotAuthentic));

    let after = builder(keys)
        .accept_also("example.com", "sid", until)
        .clock(clock.clone())
        .build()
        .unwrap();
    clock.set(until - SECOND);
    let opened = after.open::<Plain<u8>>(&value).unwrap();
    assert!(opened.needs_rekey());
    let resealed = after.seal(&opened.identity(), opened.data()).unwrap();
    assert!(!after.open_token(resealed.value()).unwrap().needs_rekey());
    // The old name does not open what is sealed under the new one.
    assert_eq!(
        refused(&before, resealed.value()),
        Some(OpenErrorKind::NotAuthentic)
    );
    clock.set(until);
    assert_eq!(refused(&after, &value), Some(OpenErrorKind::NotAuthentic));
    assert_eq!(refused(&after, resealed.value()), None);
}

/// A pending key that a later rotation overtook would be closed by the end that the
/// rotation gives it, while it is the newest itself.
#[test]
fn a_rotation_that_would_overtake_a_pending_key_is_refused() {
    let key = || Key::generate().unwrap();
    let ring = KeyRing::single(key()).unwrap();
    let ring = ring.rotate(NOW, 48 * HOUR, HOUR, key()).unwrap();
    let overtaking = ring.rotate(NOW, 47 * HOUR + 30 * 60 * SECOND, HOUR, key());
    assert!(matches!(overtaking, Err(RingError::Pending { .. })));
}
