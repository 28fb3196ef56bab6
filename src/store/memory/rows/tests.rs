//! Rows: the room that they take, when they go, and many threads that change them.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread::scope,
};

use super::*;
use crate::store::RowPhase;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
const HOUR: Duration = Duration::from_hours(1);
const FIRST: RowState = RowState {
    version: 1,
    phase: RowPhase::Fresh,
};

fn key(n: u8) -> RowKey {
    RowKey([n; 32])
}

fn new(bytes: &[u8]) -> NewRow<'_> {
    NewRow {
        bytes,
        expires: NOW + HOUR,
    }
}

fn change(bytes: &[u8], expires: Option<Duration>) -> RowChange<'_> {
    RowChange {
        bytes,
        phase: RowPhase::Settled,
        expires: expires.map(|expires| NOW + expires),
    }
}

/// A row with that many bytes which the cache lets go after that time, if there is room.
fn put(rows: &Rows, n: u8, len: usize, remaining: Duration) -> Option<Lease> {
    let bytes = vec![0; len];
    let lease = Lease::of(&new(&bytes), NOW, &rows.room).ok()?;
    let lease = lease.with_remaining(remaining);
    let put = rows.change(&key(n), |old| {
        old.inspect(Lease::end);
        (Op::Put(lease.clone()), ())
    });
    put.unwrap();
    Some(lease)
}

/// Until it holds, which it does at some time.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 30 seconds: {what}");
    }
}

#[test]
fn room_comes_back_when_the_processs_clock_ends_a_row() {
    let rows = Rows::new(1 << 20);
    for n in 0..10 {
        put(&rows, n, 100, Duration::from_millis(1)).unwrap();
    }
    wait_until("the row goes", || rows.load(&key(3), NOW).is_none());
    // Over one that has expired and may not have been removed yet.
    assert_eq!(
        rows.create(&key(3), &new(&[0; 100]), NOW).unwrap(),
        Created::Created
    );
    wait_until("the others go", || rows.used() == weight(100));
    assert!(rows.load(&key(3), NOW).is_some());
    rows.delete(&key(3)).unwrap();
    assert_eq!(rows.used(), 0);
}

#[test]
fn an_expiry_that_changes_counts_by_the_processs_clock_too() {
    let rows = Rows::new(1 << 20);
    let second = Duration::from_secs(1);
    let brief = NewRow {
        bytes: b"a",
        expires: NOW + second,
    };
    // Put off while it lives: on a machine that stalls, not at the first try.
    wait_until("an update puts it off", || {
        rows.create(&key(1), &brief, NOW).unwrap();
        let put_off = change(b"b", Some(HOUR));
        rows.update(&key(1), FIRST, &put_off, NOW).unwrap() == Updated::Updated
    });
    wait_until("an expiry puts it off", || {
        rows.create(&key(2), &brief, NOW).unwrap();
        rows.expire_at(&key(2), NOW + HOUR, NOW).unwrap();
        rows.load(&key(2), NOW)
            .is_some_and(|row| row.expires == NOW + HOUR)
    });
    rows.create(&key(3), &new(b"a"), NOW).unwrap();
    let brought_forward = change(b"b", Some(second));
    let updated = rows.update(&key(3), FIRST, &brought_forward, NOW);
    assert_eq!(updated.unwrap(), Updated::Updated);
    rows.create(&key(4), &new(b"a"), NOW).unwrap();
    rows.expire_at(&key(4), NOW + second, NOW).unwrap();

    wait_until("both go", || rows.used() == 2 * weight(1));
    for n in [1, 2] {
        assert!(rows.load(&key(n), NOW).is_some(), "{n}");
        rows.delete(&key(n)).unwrap();
    }
    assert_eq!(rows.used(), 0);
}

#[test]
fn a_row_is_there_until_the_instant_it_expires() {
    let rows = Rows::new(1 << 20);
    rows.create(&key(1), &new(b"a"), NOW).unwrap();
    let before = NOW + Duration::from_secs(3_599);
    let exists = rows.create(&key(1), &new(b"b"), before);
    assert_eq!(exists.unwrap(), Created::Exists);
    assert_eq!(rows.purge(before, 10).unwrap(), 0);
    assert_eq!(rows.load(&key(1), before).unwrap().bytes, b"a");

    let expired = NOW + HOUR;
    assert_eq!(rows.load(&key(1), expired), None);
    rows.expire_at(&key(1), NOW + 2 * HOUR, expired).unwrap();
    assert_eq!(rows.load(&key(1), expired), None);
    assert_eq!(rows.purge(expired, 10).unwrap(), 1);
    assert_eq!(rows.room.used(), 0);
}

#[test]
fn an_update_in_flight_finds_nothing_where_the_row_has_ended() {
    let rows = Rows::new(1 << 20);
    let late = |lease: &Lease| {
        let late = change(&[9; 5_000], None);
        let (op, updated) = lease.update(FIRST, &late, NOW).unwrap();
        assert!(matches!(op, Op::Nop));
        assert_eq!(updated, Updated::Missing);
        assert_eq!(lease.row(NOW), None);
    };
    let begun = |n| {
        rows.create(&key(n), &new(b"old"), NOW).unwrap();
        rows.cache.get(&key(n)).unwrap()
    };

    let deleted = begun(1);
    rows.delete(&key(1)).unwrap();
    late(&deleted);
    rows.create(&key(1), &new(b"new"), NOW).unwrap();
    late(&deleted);
    assert_eq!(rows.load(&key(1), NOW).unwrap().bytes, b"new");

    let replaced = begun(2);
    let after = NewRow {
        bytes: b"new",
        expires: NOW + 2 * HOUR,
    };
    let created = rows.create(&key(2), &after, NOW + HOUR).unwrap();
    assert_eq!(created, Created::Created);
    late(&replaced);
    assert_eq!(rows.load(&key(2), NOW).unwrap().bytes, b"new");

    let purged = begun(3);
    assert_eq!(rows.purge(NOW + HOUR, 100).unwrap(), 2);
    late(&purged);

    for by in [
        |rows: &Rows| rows.expire_at(&key(4), NOW, NOW).unwrap(),
        |rows: &Rows| {
            let last = change(b"x", Some(Duration::ZERO));
            let updated = rows.update(&key(4), FIRST, &last, NOW).unwrap();
            assert_eq!(updated, Updated::Updated);
        },
    ] {
        let ended = begun(4);
        by(&rows);
        late(&ended);
        assert_eq!(rows.room.used(), weight(3));
    }

    rows.delete(&key(2)).unwrap();
    let evicted = put(&rows, 5, 100, Duration::from_millis(1)).unwrap();
    wait_until("the row goes", || rows.used() == 0);
    late(&evicted);
    assert_eq!(rows.used(), 0);
}

#[test]
fn what_was_found_before_the_expiry_changed_goes_on_with_the_row() {
    let rows = Rows::new(1 << 20);
    rows.create(&key(1), &new(b"a"), NOW).unwrap();
    let found = rows.cache.get(&key(1)).unwrap();
    rows.expire_at(&key(1), NOW + 2 * HOUR, NOW).unwrap();
    // The cache's own timer may just have let it go, and says so late.
    found.end();
    let written = found.update(FIRST, &change(b"bc", None), NOW).unwrap();
    assert_eq!(written.1, Updated::Updated);
    let row = rows.load(&key(1), NOW).unwrap();
    assert_eq!(
        (row.bytes.as_slice(), row.expires),
        (&b"bc"[..], NOW + 2 * HOUR)
    );
    assert_eq!(rows.used(), weight(2));
    rows.cache.get(&key(1)).unwrap().end();
    assert_eq!((rows.load(&key(1), NOW), rows.used()), (None, 0));
}

#[test]
fn refused_updates_change_nothing_and_shrinking_gives_room_at_once() {
    let rows = Rows::new(weight(500) + weight(100));
    rows.create(&key(1), &new(&[1; 100]), NOW).unwrap();
    rows.create(&key(2), &new(&[2; 500]), NOW).unwrap();
    let before = rows.load(&key(1), NOW).unwrap();
    let full = rows.room.used();
    assert_eq!(full, rows.limit());
    let wrong = RowState {
        version: 2,
        ..FIRST
    };
    for expires in [None, Some(2 * HOUR)] {
        let refused = |n, expected, len| {
            let bytes = vec![3; len];
            let updated = rows.update(&key(n), expected, &change(&bytes, expires), NOW);
            assert_eq!(rows.load(&key(1), NOW).unwrap(), before);
            assert_eq!(rows.room.used(), full);
            updated.map_err(|error| error.kind())
        };
        assert_eq!(refused(1, FIRST, 101), Err(StoreErrorKind::Full));
        assert_eq!(refused(1, wrong, 100), Ok(Updated::Conflict));
        assert_eq!(refused(3, FIRST, 100), Ok(Updated::Missing));
        let expired = rows.update(&key(1), FIRST, &change(b"x", expires), NOW + HOUR);
        assert_eq!(expired.unwrap(), Updated::Missing);
        assert_eq!(rows.room.used(), full);
    }
    let error = rows.create(&key(3), &new(b""), NOW).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert_eq!(rows.room.used(), full);

    let shrunk = rows.update(&key(2), FIRST, &change(&[2; 50], None), NOW);
    assert_eq!(shrunk.unwrap(), Updated::Updated);
    assert_eq!(rows.room.used(), full - 450);
    let grown = rows.update(&key(1), FIRST, &change(&[1; 550], Some(HOUR)), NOW);
    assert_eq!(grown.unwrap(), Updated::Updated);
    assert_eq!(rows.room.used(), full);
    assert_eq!(rows.load(&key(1), NOW).unwrap().bytes, [1; 550]);
    assert_eq!(rows.load(&key(2), NOW).unwrap().bytes, [2; 50]);
}

#[test]
fn a_row_that_has_expired_makes_room_for_its_successor_also_where_that_is_refused() {
    let rows = Rows::new(weight(100));
    let create = |now, bytes| {
        let row = NewRow {
            bytes,
            expires: now + HOUR,
        };
        rows.create(&key(1), &row, now)
    };
    create(NOW, &[1; 100]).unwrap();
    assert_eq!(create(NOW + HOUR, &[2; 100]).unwrap(), Created::Created);
    assert_eq!(rows.room.used(), weight(100));
    let refused = create(NOW + 2 * HOUR, &[3; 101]);
    assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::Full);
    assert_eq!(rows.room.used(), 0);
    rows.cache.run_pending_tasks();
    assert_eq!(rows.cache.entry_count(), 0);
}

#[test]
fn a_row_that_is_created_expired_takes_no_room() {
    let rows = Rows::new(1 << 20);
    let expired = NewRow {
        bytes: b"a",
        expires: NOW + HOUR,
    };
    // Where nothing is, and where another has expired.
    for _ in 0..2 {
        let created = rows.create(&key(1), &expired, NOW + HOUR).unwrap();
        assert_eq!((created, rows.room.used()), (Created::Created, 0));
        rows.cache.run_pending_tasks();
        assert_eq!(rows.cache.entry_count(), 0);
        rows.create(&key(1), &new(b"b"), NOW).unwrap();
    }
}

#[test]
fn of_updates_that_expect_the_same_state_one_wins_and_none_is_lost() {
    const THREADS: usize = 4;
    let rows = Rows::new(1 << 20);
    rows.create(&key(1), &new(b""), NOW).unwrap();
    for round in 1..=200 {
        let row = rows.load(&key(1), NOW).unwrap();
        assert_eq!(row.state.version, round);
        let barrier = Barrier::new(THREADS);
        let updated: Vec<(usize, Updated)> = scope(|scope| {
            let update = |n| {
                // In place, and through the cache.
                let expires = (n % 2 == 1).then_some(HOUR);
                let bytes = vec![7; n * 10];
                barrier.wait();
                let updated = rows.update(&key(1), row.state, &change(&bytes, expires), NOW);
                (n * 10, updated.unwrap())
            };
            let threads: Vec<_> = (0..THREADS)
                .map(|n| scope.spawn(move || update(n)))
                .collect();
            let threads = threads.into_iter();
            threads.map(|thread| thread.join().unwrap()).collect()
        });
        let won = |updated: &&(usize, Updated)| updated.1 == Updated::Updated;
        let winners: Vec<_> = updated.iter().filter(won).collect();
        assert!(matches!(*winners, [_]), "{updated:?}");
        let lost = |updated: &&(usize, Updated)| updated.1 == Updated::Conflict;
        assert_eq!(updated.iter().filter(lost).count(), THREADS - 1);
        let row = rows.load(&key(1), NOW).unwrap();
        assert_eq!(row.bytes, vec![7; winners[0].0]);
        assert_eq!(rows.room.used(), weight(row.bytes.len()));
    }
}

#[test]
fn no_update_tells_of_success_after_the_row_was_deleted() {
    let rows = Rows::new(1 << 20);
    for round in 0..200 {
        rows.create(&key(1), &new(b""), NOW).unwrap();
        let (barrier, deleted) = (Barrier::new(2), AtomicBool::new(false));
        scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                let mut state = FIRST;
                loop {
                    let was_deleted = deleted.load(Ordering::Acquire);
                    // Grows and shrinks, in place and through the cache.
                    let bytes = vec![0; usize::from(state.version.is_multiple_of(3)) * 100];
                    let expires = state.version.is_multiple_of(2).then_some(HOUR);
                    let change = change(&bytes, expires);
                    match rows.update(&key(1), state, &change, NOW).unwrap() {
                        Updated::Updated => assert!(!was_deleted, "round {round}"),
                        other => {
                            assert_eq!(other, Updated::Missing);
                            break;
                        }
                    }
                    state = RowState {
                        version: state.version + 1,
                        phase: RowPhase::Settled,
                    };
                }
            });
            barrier.wait();
            rows.delete(&key(1)).unwrap();
            deleted.store(true, Ordering::Release);
        });
        assert_eq!(rows.room.used(), 0);
    }
    rows.cache.run_pending_tasks();
    assert_eq!(rows.cache.entry_count(), 0);
}

#[test]
fn the_room_is_exact_whatever_threads_do_at_once_and_none_waits_for_ever() {
    const KEYS: u8 = 6;
    const THREADS: usize = 4;
    // Not enough for all.
    let rows = Rows::new(4 * weight(200));
    let barrier = Barrier::new(THREADS);
    scope(|scope| {
        for seed in (1_u64..).take(THREADS) {
            let (rows, barrier) = (&rows, &barrier);
            scope.spawn(move || {
                barrier.wait();
                let mut random = seed;
                for _ in 0..3_000 {
                    // Knuth's generator: the upper bits are good.
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let pick = |shift: u32, of: u64| (random >> shift) % of;
                    let n = u8::try_from(pick(33, KEYS.into())).unwrap();
                    let bytes = vec![n; usize::try_from(pick(40, 400)).unwrap()];
                    let full = |kind| assert_eq!(kind, StoreErrorKind::Full);
                    match pick(50, 16) {
                        0 => rows.delete(&key(n)).unwrap(),
                        1 => rows.expire_at(&key(n), NOW + 2 * HOUR, NOW).unwrap(),
                        2 => rows.expire_at(&key(n), NOW, NOW).unwrap(),
                        3 => drop(put(rows, n, bytes.len(), Duration::from_millis(1))),
                        4 => drop(rows.purge(NOW + HOUR, 2).unwrap()),
                        5 => drop(rows.used()),
                        6..9 => match rows.create(&key(n), &new(&bytes), NOW) {
                            Ok(_) => {}
                            Err(error) => full(error.kind()),
                        },
                        kind => {
                            let Some(row) = rows.load(&key(n), NOW) else {
                                continue;
                            };
                            assert!(row.bytes.iter().all(|byte| *byte == n || *byte == 0));
                            let expires = (kind == 9).then_some(HOUR);
                            let change = change(&bytes, expires);
                            match rows.update(&key(n), row.state, &change, NOW) {
                                Ok(_) => {}
                                Err(error) => full(error.kind()),
                            }
                        }
                    }
                    assert!(rows.room.used() <= rows.limit());
                }
            });
        }
    });
    let live = || (0..KEYS).filter_map(|n| rows.load(&key(n), NOW));
    wait_until("only what is there is counted", || {
        rows.used() == live().map(|row| weight(row.bytes.len())).sum::<u64>()
    });
    for n in 0..KEYS {
        rows.delete(&key(n)).unwrap();
    }
    assert_eq!(rows.used(), 0);
    assert_eq!(rows.cache.entry_count(), 0);
}
