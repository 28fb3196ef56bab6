//! A SQLite file. A call takes the store's timeout at most.

use core::time::Duration;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread::sleep,
};

use sealed_session::{
    store::{NewRow, RowKey, SessionStore, StoreErrorKind, sqlite::SqliteStore},
    time::{Clock as _, SystemClock},
};
use tempfile::TempDir;

use crate::{TIMEOUT, run, storm::storm};

/// The most that one call takes.
const CALL: Duration = TIMEOUT.saturating_mul(2);

#[test]
fn a_sqlite_file_that_another_process_writes_for_too_long_is_unavailable() {
    run(
        || TempDir::new().ok(),
        async |folder| {
            let file = folder.path().join("sessions.db");
            let store = SqliteStore::builder(&file).timeout(CALL).open().await;
            let store = Arc::new(store.unwrap());
            let tally = storm("sqlite locked", store, CALL, async |load| {
                let writer = Writer::lock(&file);
                // Longer than any call waits.
                sleep(CALL * 3);
                load.refused(8).await;
                drop(writer);
            })
            .await;
            tally.assert_sound();
            assert_eq!((tally.full, tally.failed), (0, 0));
            assert!(tally.unreachable >= 8);
        },
    );
}

#[test]
fn a_sqlite_file_at_its_limit_refuses_new_sessions_until_there_is_room() {
    run(
        || TempDir::new().ok(),
        async |folder| {
            let store = SqliteStore::builder(folder.path().join("sessions.db"))
                .timeout(CALL)
                .max_bytes(2 << 20)
                .open()
                .await;
            let store = Arc::new(store.unwrap());
            let filled = Arc::clone(&store);
            let tally = storm("sqlite at its limit", store, CALL, async |load| {
                let before = load.refusals();
                let mut fillers = Vec::new();
                // What logouts give back is filled again; until every user wants to log in.
                while load.refusals() < before + 50 && fillers.len() < 10_000 {
                    let key = RowKey(core::array::from_fn(|i| {
                        if i < 8 {
                            fillers.len().to_le_bytes()[i]
                        } else {
                            0xff
                        }
                    }));
                    match fill(&filled, &key).await {
                        Ok(()) => fillers.push(key),
                        Err(kind) => {
                            assert_eq!(kind, StoreErrorKind::Full);
                            sleep(Duration::from_millis(5));
                        }
                    }
                }
                assert!(load.refusals() >= before + 50, "it does not fill");
                for key in fillers {
                    filled.delete(&key).await.unwrap();
                }
            })
            .await;
            tally.assert_sound();
            assert_eq!(tally.failed, 0);
            assert!(tally.full >= 50);
        },
    );
}

async fn fill(store: &SqliteStore, key: &RowKey) -> Result<(), StoreErrorKind> {
    let now = SystemClock.now();
    let row = NewRow {
        bytes: &[1; 8_000],
        expires: now + Duration::from_hours(1),
    };
    match store.create(key, row, now).await {
        Ok(_) => Ok(()),
        Err(error) => Err(error.kind()),
    }
}

#[test]
fn a_sqlite_file_on_a_full_disk_refuses_changes_until_there_is_room() {
    run(Disk::mount, async |disk| {
        let store = SqliteStore::builder(disk.file("sessions.db")).timeout(CALL);
        let store = Arc::new(store.open().await.unwrap());
        let tally = storm("sqlite on a full disk", store, CALL, async |load| {
            fs::write(disk.file("filler"), vec![1; 16 << 20]).unwrap_err();
            load.refused(50).await;
            fs::remove_file(disk.file("filler")).unwrap();
        })
        .await;
        tally.assert_sound();
        assert_eq!(tally.failed, 0);
        assert!(tally.full >= 50);
    });
}

/// Another process that holds the lock for writing, until it is dropped.
struct Writer(Child);

impl Writer {
    fn lock(file: &Path) -> Self {
        let program = "import sqlite3, sys, time
lock = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
lock.execute('BEGIN EXCLUSIVE')
print('locked', flush=True)
time.sleep(60)";
        let mut python = Command::new("python3");
        python.args(["-c", program]).arg(file);
        let mut process = python.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let output = process.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(line, "locked\n");
        Self(process)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A small disk in memory.
struct Disk(TempDir);

impl Disk {
    /// `None` where that is not allowed.
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]);
        mount.arg(folder.path()).stderr(Stdio::null());
        let mounted = mount.status().is_ok_and(|status| status.success());
        if !mounted {
            println!("SKIPPED: a full disk needs the right to mount one");
        }
        mounted.then_some(Self(folder))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the store may have its files open.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
