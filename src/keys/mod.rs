//! Keys, and the ring that says which key seals and which keys open.
//!
//! A key's role comes from time, not from its place in a list: the key that seals is the
//! one that came into force last, and a key retires by itself. See [`KeyRing`].

mod key;
mod ring;
mod ring_file;
mod rotate;
mod shared;
mod watch;

pub use key::{Key, KeyError, KeyId};
pub use ring::{KeyRing, MAX_KEYS, ROTATION_MARGIN, RingError, RingKey};
pub use rotate::DEFAULT_ACTIVATION;
pub use shared::{KeyEvent, SharedKeyRing};
pub use watch::KeyWatcher;
