//! The stores that need no server: memory, and a SQLite file.
#![cfg(all(
    feature = "conformance",
    feature = "store-memory",
    feature = "store-sqlite"
))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails that way"
)]

use core::time::Duration;
use std::path::Path;

use sealed_session::store::{
    Created, RevocationId, Revoked, RowChange, RowPhase, RowState, SessionStore, StoreErrorKind,
    Updated,
    conformance::{check, check_large, check_two},
    memory::MemoryStore,
    sqlite::SqliteStore,
};
use sqlx::{Connection as _, SqliteConnection};
use tools::{block_on, key, now, row};

mod tools;

#[test]
fn memory_keeps_every_rule() {
    block_on(async {
        let store = MemoryStore::new();
        let report = check(&store, now()).await.unwrap();
        println!("{report}");
        check_two(&store, &store.clone(), now()).await.unwrap();
        check_large(&store, now(), 10 << 20).await.unwrap();
        assert_eq!(store.used_bytes(), 0);
    });
}

#[test]
fn full_memory_refuses_new_rows_and_keeps_the_live_ones() {
    block_on(async {
        let store = MemoryStore::with_limit(100_000);
        let mut stored: u8 = 0;
        let refused = loop {
            match store.create(&key(stored), row(&[7; 5_000]), now()).await {
                Ok(created) => assert_eq!(created, Created::Created),
                Err(error) => break error,
            }
            stored += 1;
        };
        assert_eq!(refused.kind(), StoreErrorKind::Full);
        assert!((15..=20).contains(&stored), "{stored} rows");
        for n in 0..stored {
            assert!(store.load(&key(n), now()).await.unwrap().is_some());
        }
        let update = |n, len| {
            let store = store.clone();
            async move {
                let bytes = vec![8; len];
                let change = RowChange {
                    bytes: &bytes,
                    phase: RowPhase::Settled,
                    expires: None,
                };
                let first = RowState {
                    version: 1,
                    phase: RowPhase::Fresh,
                };
                store.update(&key(n), first, change, now()).await
            }
        };
        // One that is no larger fits, and so does a smaller one; then there is room again.
        assert_eq!(update(0, 5_000).await.unwrap(), Updated::Updated);
        let refused = update(1, 50_000).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Full);
        let kept = store.load(&key(1), now()).await.unwrap().unwrap();
        assert_eq!((kept.state.version, kept.bytes), (1, vec![7; 5_000]));
        assert_eq!(update(2, 10).await.unwrap(), Updated::Updated);
        let created = store.create(&key(stored), row(&[7; 4_000]), now()).await;
        assert_eq!(created.unwrap(), Created::Created);
        store.delete(&key(3)).await.unwrap();
        let created = store.create(&key(200), row(&[7; 5_000]), now()).await;
        assert_eq!(created.unwrap(), Created::Created);
        // Rows that have expired by the application's clock go when they are purged.
        let later = now() + Duration::from_hours(2);
        while store.delete_expired(later, 4).await.unwrap() > 0 {}
        assert_eq!(store.used_bytes(), 0);
    });
}

#[test]
fn memory_loses_no_update_among_threads() {
    let store = MemoryStore::new();
    no_update_is_lost(&|| store.clone());
}

#[test]
fn sqlite_keeps_every_rule() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    block_on(async {
        let url = format!("sqlite://{}", path.display());
        let store = SqliteStore::open(url).await.unwrap();
        println!("{}", check(&store, now()).await.unwrap());
        check_large(&store, now(), 10 << 20).await.unwrap();
        store.close().await;
    });
}

#[test]
fn sqlite_shares_a_file_between_handles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    block_on(async {
        let (a, b) = (
            SqliteStore::open(&path).await,
            SqliteStore::open(&path).await,
        );
        check_two(&a.unwrap(), &b.unwrap(), now()).await.unwrap();
    });
}

#[test]
fn sqlite_loses_no_update_among_threads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    // Every thread has a store of its own, and all make the file at the same time.
    no_update_is_lost(&|| block_on(SqliteStore::open(&path)).unwrap());
}

#[test]
fn sqlite_survives_a_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let entry = Revoked {
        id: RevocationId([9; 32]),
        not_before: now(),
        expires: now() + Duration::from_hours(1),
    };
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        store.create(&key(1), row(b"kept"), now()).await.unwrap();
        store.revoke(entry, now()).await.unwrap();
        // Not closed: the process may just end.
    });
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        let row = store.load(&key(1), now()).await.unwrap().unwrap();
        assert_eq!(row.bytes, b"kept");
        assert_eq!(store.revoked(&[entry.id], now()).await.unwrap(), [entry]);
        // Other tables in the same file share nothing.
        let other = SqliteStore::builder(&path).table_prefix("other_app");
        let other = other.open().await.unwrap();
        assert!(other.load(&key(1), now()).await.unwrap().is_none());
    });
}

#[test]
fn sqlite_purges_what_has_expired_and_keeps_to_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let store = SqliteStore::open(folder.path().join("a.db")).await.unwrap();
        for n in 0..10 {
            store.create(&key(n), row(b"x"), now()).await.unwrap();
            let entry = Revoked {
                id: RevocationId([n; 32]),
                not_before: now(),
                expires: now() + Duration::from_hours(1),
            };
            store.revoke(entry, now()).await.unwrap();
        }
        let later = now() + Duration::from_hours(1);
        let mut deleted = Vec::new();
        while deleted.last() != Some(&0) {
            deleted.push(store.delete_expired(later, 4).await.unwrap());
        }
        assert_eq!(deleted, [8, 8, 4, 0]);
        assert!(store.load(&key(0), now()).await.unwrap().is_none());
    });
}

#[test]
fn sqlite_reads_a_list_of_any_length_whole_also_where_all_of_it_was_written_at_once() {
    const WRITE: &str = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 12000) \
         INSERT INTO sealed_session_revoked (id, not_before, expires, changed) \
         SELECT CAST(printf('%032d', n) AS BLOB), 7, 4294967295, CASE WHEN n < 11000 THEN 7 ELSE n END \
         FROM n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        let url = format!("sqlite:{}", path.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let written = sqlx::query(WRITE).execute(&mut connection).await.unwrap();
        assert_eq!(written.rows_affected(), 12_000);
        let mut entries = store.revoked_since(None, now()).await.unwrap().entries;
        entries.sort_by_key(|entry| entry.id);
        entries.dedup();
        assert_eq!(entries.len(), 12_000);
    });
}

#[cfg(unix)]
#[test]
fn a_new_sqlite_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        store.create(&key(1), row(b"x"), now()).await.unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", entry.path().display());
        }
    });
}

#[test]
fn a_full_sqlite_file_says_so_and_serves_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    block_on(async {
        let store = SqliteStore::builder(&path).max_bytes(200_000);
        let store = store.open().await.unwrap();
        let mut stored = 0;
        let refused = loop {
            match store
                .create(&key(stored), row(&vec![7; 20_000]), now())
                .await
            {
                Ok(_) => stored += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), StoreErrorKind::Full);
        assert!((4..10).contains(&stored), "{stored}");
        assert!(store.load(&key(0), now()).await.unwrap().is_some());
        store.delete(&key(0)).await.unwrap();
        let created = store
            .create(&key(stored), row(&vec![7; 20_000]), now())
            .await;
        assert_eq!(created.unwrap(), Created::Created);
    });
}

#[test]
fn files_that_cannot_be_used_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let failed = |path: &Path| {
        let opened = block_on(SqliteStore::open(path));
        assert_eq!(opened.unwrap_err().kind(), StoreErrorKind::Failed);
    };
    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, [0x5a; 10_000]).unwrap();
    failed(&garbage);
    failed(folder.path());
    failed(&folder.path().join("no/such/folder.db"));
    failed(Path::new(":memory:"));
    failed(Path::new(""));

    let newer = folder.path().join("newer.db");
    block_on(SqliteStore::open(&newer)).unwrap();
    let corrupt = folder.path().join("corrupt.db");
    let mut bytes = std::fs::read(&newer).unwrap();
    bytes[100..].fill(0xa5);
    std::fs::write(&corrupt, bytes).unwrap();
    failed(&corrupt);

    let mut rights = std::fs::metadata(&newer).unwrap().permissions();
    rights.set_readonly(true);
    std::fs::set_permissions(&newer, rights).unwrap();
    if std::fs::OpenOptions::new()
        .append(true)
        .open(&newer)
        .is_err()
    {
        failed(&newer);
    } else {
        println!("SKIPPED the read-only file: this user may write to it all the same");
    }
}

#[test]
fn a_file_that_breaks_while_it_is_open_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        for n in 0..50 {
            store
                .create(&key(n), row(&vec![7; 20_000]), now())
                .await
                .unwrap();
        }
        store.close().await;
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20 * 4096..].fill(0xa5);
        std::fs::write(&path, bytes).unwrap();
        let store = SqliteStore::open(&path).await.unwrap();
        let mut errors = 0;
        for n in 0..50 {
            errors += usize::from(store.load(&key(n), now()).await.is_err());
            errors += usize::from(store.create(&key(n), row(b"x"), now()).await.is_err());
        }
        assert!(errors > 0);
    });
}

/// Eight threads count one row up by compare and swap.
fn no_update_is_lost<S: SessionStore>(open: &(dyn Fn() -> S + Sync)) {
    const THREADS: u64 = 8;
    const TIMES: u64 = 20;
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let store = open();
                block_on(async {
                    store.create(&key(0), row(b"0"), now()).await.unwrap();
                    let mut done = 0;
                    while done < TIMES {
                        let row = store.load(&key(0), now()).await.unwrap().unwrap();
                        let count: u64 = String::from_utf8(row.bytes).unwrap().parse().unwrap();
                        let next = (count + 1).to_string();
                        let change = RowChange {
                            bytes: next.as_bytes(),
                            phase: RowPhase::Settled,
                            expires: None,
                        };
                        let updated = store.update(&key(0), row.state, change, now()).await;
                        done += u64::from(updated.unwrap() == Updated::Updated);
                    }
                });
            });
        }
    });
    let store = open();
    block_on(async {
        let row = store.load(&key(0), now()).await.unwrap().unwrap();
        assert_eq!(row.bytes, (THREADS * TIMES).to_string().as_bytes());
        assert_eq!(row.state.version, THREADS * TIMES + 1);
    });
}
