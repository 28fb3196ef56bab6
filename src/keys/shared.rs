//! A ring that can be exchanged while codecs use it.

use core::{fmt, time::Duration};
use std::{
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;

use super::ring::{KeyRing, RingError};
use crate::time::Timestamp;

/// A token with an unknown key id makes the ring reload, but not more often than this.
const UNKNOWN_KEY_RELOAD_INTERVAL: Duration = Duration::from_secs(10);

/// A key ring shared by everything that seals and opens, which can be exchanged while the
/// program runs. Clones are the same ring.
///
/// A new ring that would fail in use is refused and reported, and the old one stays.
///
/// ```
/// use core::time::Duration;
/// use sealed_session::{keys::{Key, KeyRing, SharedKeyRing}, time::{Clock, SystemClock}};
///
/// # fn main() -> Result<(), Box<dyn core::error::Error>> {
/// # let file = tempfile::NamedTempFile::new()?;
/// # std::fs::write(&file, KeyRing::single(Key::generate()?)?.to_secret_toml())?;
/// # let path = file.path();
/// let keys = SharedKeyRing::from_file(path)?;
/// keys.on_event(|event| eprintln!("{event}"));
/// let watcher = keys.watch(Duration::from_secs(30))?; // reads the file again and again
/// # drop(watcher);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SharedKeyRing(Arc<Shared>);

struct Shared {
    ring: ArcSwap<KeyRing>,
    /// Counts the exchanges, so that users know when to derive their sub-keys anew.
    generation: AtomicU64,
    /// Seconds: the longest idle timeout of any policy that uses the ring.
    longest_idle: AtomicU64,
    file: Option<PathBuf>,
    /// Unix seconds of the last reload for an unknown key.
    asked_at: AtomicU64,
    listener: RwLock<Option<Listener>>,
}

type Listener = Arc<dyn Fn(&KeyEvent) + Send + Sync>;

impl SharedKeyRing {
    /// A ring kept in a file (see [`KeyRing::from_toml`]), reloaded by
    /// [`reload`](Self::reload), by [`watch`](Self::watch), and once, at most every 10
    /// seconds, when a token names a key that the ring does not hold.
    ///
    /// # Errors
    /// As for [`KeyRing::from_file`].
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, RingError> {
        let path = path.into();
        let ring = KeyRing::from_file(&path)?;
        Ok(Self::with_file(ring, Some(path)))
    }

    /// The ring in force.
    #[must_use]
    pub fn current(&self) -> Arc<KeyRing> {
        self.0.ring.load_full()
    }

    /// Puts another ring in force.
    ///
    /// # Errors
    /// [`RingError::NoSealingKey`] when it has no key that seals at `now`, and
    /// [`RingError::ClosesTooEarly`] when it would end live sessions of a policy that
    /// uses this ring. The old ring stays.
    pub fn replace(&self, ring: KeyRing, now: Timestamp) -> Result<(), RingError> {
        if ring.sealing_key(now).is_none() {
            return Err(RingError::NoSealingKey(now));
        }
        let longest_idle = self.0.longest_idle.load(Ordering::Acquire);
        ring.check_idle(Duration::from_secs(longest_idle))?;
        self.0.ring.store(Arc::new(ring));
        // After the ring: a reader of this count sees that ring or a later one.
        self.0.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Reads the file again, if this ring comes from one; `true` if the ring changed.
    ///
    /// # Errors
    /// As for [`KeyRing::from_file`] and [`replace`](Self::replace). The old ring stays,
    /// and the listener hears of it.
    pub fn reload(&self, now: Timestamp) -> Result<bool, RingError> {
        let Some(file) = &self.0.file else {
            return Ok(false);
        };
        let outcome = KeyRing::from_file(file).and_then(|ring| {
            if *self.current() == ring {
                return Ok(false);
            }
            self.replace(ring, now).map(|()| true)
        });
        match &outcome {
            Ok(false) => {}
            Ok(true) => self.tell(&KeyEvent::Reloaded(self.current())),
            Err(error) => self.tell(&KeyEvent::Refused(error.clone())),
        }
        outcome
    }

    /// Calls `listener` after each reload that changed the ring, and after each that
    /// failed. There is one listener; it replaces the one before.
    pub fn on_event(&self, listener: impl Fn(&KeyEvent) + Send + Sync + 'static) {
        *self
            .0
            .listener
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(listener));
    }

    /// Demands that this ring, and each that replaces it, keeps opening sessions that are
    /// idle for up to `longest_idle`.
    ///
    /// # Errors
    /// [`RingError::ClosesTooEarly`] when the ring in force does not.
    pub(crate) fn require_idle(&self, longest_idle: Duration) -> Result<(), RingError> {
        self.current().check_idle(longest_idle)?;
        self.0
            .longest_idle
            .fetch_max(longest_idle.as_secs(), Ordering::AcqRel);
        Ok(())
    }

    /// A number that changes whenever the ring does.
    pub(crate) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// Reloads because a token named an unknown key; `true` if the ring changed. Does
    /// nothing if that happened within the last 10 seconds, so that a flood of unknown
    /// keys costs no more than one file read in that time.
    pub(crate) fn reload_for_unknown_key(&self, now: Timestamp) -> bool {
        if self.0.file.is_none() {
            return false;
        }
        let second = u64::from(now.unix_seconds());
        let asked = self.0.asked_at.load(Ordering::Relaxed);
        let due = second.abs_diff(asked) >= UNKNOWN_KEY_RELOAD_INTERVAL.as_secs();
        let won = due
            && self
                .0
                .asked_at
                .compare_exchange(asked, second, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        won && self.reload(now).unwrap_or(false)
    }

    #[cfg(test)]
    pub(super) fn users(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    fn with_file(ring: KeyRing, file: Option<PathBuf>) -> Self {
        Self(Arc::new(Shared {
            ring: ArcSwap::from_pointee(ring),
            generation: AtomicU64::new(0),
            longest_idle: AtomicU64::new(0),
            file,
            asked_at: AtomicU64::new(0),
            listener: RwLock::new(None),
        }))
    }

    fn tell(&self, event: &KeyEvent) {
        let listener = self
            .0
            .listener
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(listener) = listener {
            listener(event);
        }
    }
}

impl From<KeyRing> for SharedKeyRing {
    fn from(ring: KeyRing) -> Self {
        Self::with_file(ring, None)
    }
}

impl fmt::Debug for SharedKeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedKeyRing")
            .field(&self.current())
            .finish()
    }
}

/// What happened to a shared ring.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeyEvent {
    /// Another ring is in force.
    Reloaded(Arc<KeyRing>),
    /// The file held no usable ring; the old one stays in force.
    Refused(RingError),
}

impl fmt::Display for KeyEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reloaded(ring) => {
                f.write_str("key ring reloaded:")?;
                ring.keys()
                    .iter()
                    .try_for_each(|entry| write!(f, " {}", entry.key().id()))
            }
            Self::Refused(error) => write!(f, "key ring not reloaded, the old one stays: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::keys::{Key, RingKey};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
    const HOUR: Duration = Duration::from_hours(1);

    fn ring() -> KeyRing {
        KeyRing::single(Key::generate().unwrap()).unwrap()
    }

    fn shared_file() -> (tempfile::TempDir, PathBuf, SharedKeyRing) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ring.toml");
        std::fs::write(&path, ring().to_secret_toml()).unwrap();
        let keys = SharedKeyRing::from_file(&path).unwrap();
        (folder, path, keys)
    }

    #[test]
    fn a_bad_new_file_is_reported_and_the_old_ring_stays() {
        let (_folder, path, keys) = shared_file();
        let before = keys.current();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        keys.on_event(move |event| ears.lock().unwrap().push(event.to_string()));

        std::fs::write(&path, "[[key]]\nsecret = 7\n").unwrap();
        assert_eq!(keys.reload(NOW), Err(RingError::Syntax(2)));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(
            keys.reload(NOW),
            Err(RingError::File(std::io::ErrorKind::NotFound))
        );
        assert_eq!(keys.current(), before);
        assert_eq!(keys.generation(), 0);

        let next = ring();
        std::fs::write(&path, next.to_secret_toml()).unwrap();
        assert_eq!(keys.reload(NOW), Ok(true));
        assert_eq!(keys.reload(NOW), Ok(false), "nothing changed since");
        assert_eq!(*keys.current(), next);
        let heard = heard.lock().unwrap();
        assert_eq!(heard.len(), 3);
        assert!(heard[0].contains("the old one stays"), "{}", heard[0]);
        assert!(heard[2].contains("reloaded"), "{}", heard[2]);
    }

    #[test]
    fn a_ring_that_would_end_live_sessions_is_refused() {
        let keys = SharedKeyRing::from(ring());
        keys.require_idle(HOUR).unwrap();
        let seals = NOW - HOUR;
        let closing = |closes| {
            KeyRing::new([
                RingKey::new(Key::generate().unwrap(), Timestamp::MIN).with_opens_until(closes),
                RingKey::new(Key::generate().unwrap(), seals),
            ])
            .unwrap()
        };
        assert!(matches!(
            keys.replace(closing(NOW), NOW),
            Err(RingError::ClosesTooEarly { .. })
        ));
        assert_eq!(keys.replace(closing(NOW + HOUR), NOW), Ok(()));
    }

    #[test]
    fn a_ring_that_cannot_seal_yet_is_refused() {
        let keys = SharedKeyRing::from(ring());
        let later = KeyRing::new([RingKey::new(Key::generate().unwrap(), NOW + HOUR)]).unwrap();
        assert_eq!(keys.replace(later, NOW), Err(RingError::NoSealingKey(NOW)));
    }

    #[test]
    fn unknown_keys_reload_at_most_every_ten_seconds() {
        let (_folder, path, keys) = shared_file();
        let publish = || std::fs::write(&path, ring().to_secret_toml()).unwrap();
        publish();
        assert!(keys.reload_for_unknown_key(NOW));
        publish();
        assert!(!keys.reload_for_unknown_key(NOW + Duration::from_secs(9)));
        assert!(keys.reload_for_unknown_key(NOW + Duration::from_secs(10)));
        assert_eq!(keys.generation(), 2);
        assert!(!SharedKeyRing::from(ring()).reload_for_unknown_key(NOW));
    }
}
