//! A thread that reads the ring file again and again.

use core::{fmt, time::Duration};
use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
};

use super::shared::SharedKeyRing;
use crate::time::{Clock as _, SystemClock};

impl SharedKeyRing {
    /// Starts a thread that calls [`reload`](Self::reload) at this interval, until the
    /// returned guard is dropped. The file is read whole each time, since its change time
    /// says too little where files are replaced through links.
    ///
    /// # Errors
    /// When the operating system starts no thread.
    pub fn watch(&self, interval: Duration) -> std::io::Result<KeyWatcher> {
        let keys = self.clone();
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("key-ring".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    // The listener hears of failures; the next round tries again.
                    let _ = keys.reload(SystemClock.now());
                }
            })?;
        Ok(KeyWatcher {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// Keeps a ring file watched; dropping it ends the thread.
#[must_use = "the file is watched until this is dropped"]
pub struct KeyWatcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for KeyWatcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A listener that panicked has been reported by its own thread.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for KeyWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWatcher").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::keys::{Key, KeyRing};

    #[test]
    fn a_changed_file_is_in_force_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ring.toml");
        let ring = || KeyRing::single(Key::generate().unwrap()).unwrap();
        std::fs::write(&path, ring().to_secret_toml()).unwrap();
        let keys = SharedKeyRing::from_file(&path).unwrap();
        let (heard, event) = sync_channel(8);
        keys.on_event(move |_| {
            let _ = heard.try_send(());
        });
        let watcher = keys.watch(Duration::from_millis(1)).unwrap();

        // Replaced in one step, as a deployment does, so that no half file is seen.
        let next = ring();
        let new_path = folder.path().join("ring.new");
        std::fs::write(&new_path, next.to_secret_toml()).unwrap();
        std::fs::rename(&new_path, &path).unwrap();

        event.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(*keys.current(), next);
        drop(watcher);
    }

    #[test]
    fn when_the_watcher_is_dropped_its_thread_is_over() {
        let ring = KeyRing::single(Key::generate().unwrap()).unwrap();
        let keys = SharedKeyRing::from(ring);
        let watcher = keys.watch(Duration::from_hours(1)).unwrap();
        assert_eq!(keys.users(), 2);
        drop(watcher);
        assert_eq!(keys.users(), 1);
    }
}
