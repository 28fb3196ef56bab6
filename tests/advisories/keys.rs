//! Which key does what.

use core::time::Duration;

use sealed_session::{
    keys::{Key, KeyId, KeyRing, RingKey},
    time::Timestamp,
    token::UntrustedToken,
};

use super::{DAY, IDLE, NOW, Shop, World};

const SECOND: Duration = Duration::from_secs(1);

/// Flask sealed with a fallback key, because the list was read from the wrong end. Here the
/// order of a list says nothing: after every change of the ring, at every instant, the key
/// that seals is the one that came into force last.
#[test]
fn ghsa_4grg_w6v8_c28g_the_newest_key_in_force_seals_whatever_the_order() {
    let [old, new, pending] = [0, 1, 2].map(|_| Key::generate().unwrap());
    let world = World {
        keys: KeyRing::single(old.clone()).unwrap().into(),
        ..World::new()
    };
    let codec = world.codec().build().unwrap();
    let seals = |at: Timestamp| -> KeyId {
        let identity = codec.at(at).new_identity().unwrap();
        let sealed = codec.at(at).seal(&identity, &Shop::default()).unwrap();
        assert!(codec.at(at).open::<Shop>(sealed.value()).is_ok());
        UntrustedToken::parse(sealed.value()).unwrap().key_id()
    };
    assert_eq!(seals(NOW), old.id());

    let keys = [
        RingKey::new(old.clone(), Timestamp::MIN),
        RingKey::new(new.clone(), NOW + DAY),
        RingKey::new(pending.clone(), NOW + 2 * DAY),
    ];
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let ring = KeyRing::new(order.map(|n| keys[n].clone())).unwrap();
        world.keys.replace(ring, NOW).unwrap();
        for (at, key) in [
            (NOW, &old),
            (NOW + DAY - SECOND, &old),
            (NOW + DAY, &new),
            (NOW + 2 * DAY, &pending),
            (NOW + 30 * DAY, &pending),
        ] {
            assert_eq!(seals(at), key.id(), "{order:?} at {at}");
        }
    }

    // By rotation, and in an emergency.
    let ring = KeyRing::single(old.clone()).unwrap();
    let ring = ring.rotate(NOW, DAY, IDLE, new.clone()).unwrap();
    world.keys.replace(ring.clone(), NOW).unwrap();
    assert_eq!([seals(NOW), seals(NOW + DAY)], [old.id(), new.id()]);
    let later = NOW + 2 * DAY;
    let ring = ring.rotate(later, DAY, IDLE, pending.clone()).unwrap();
    world.keys.replace(ring, later).unwrap();
    assert_eq!([seals(later), seals(later + DAY)], [new.id(), pending.id()]);
    let fresh = Key::generate().unwrap();
    let ring = KeyRing::emergency(later, fresh.clone()).unwrap();
    world.keys.replace(ring, later).unwrap();
    assert_eq!(seals(later), fresh.id());
}
