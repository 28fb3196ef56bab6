//! Rows come, go and expire.

use core::time::Duration;

use super::{Bench, Case, Outcome, TTL, hours, join_all, pattern, rule, same, same_row};
use crate::{
    store::{Created, NewRow, Row, RowChange, RowKey, RowState, Updated},
    time::Timestamp,
};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "bytes come back as they were, whatever they are and however many",
        run: |bench| Box::pin(sizes(bench)),
    },
    Case {
        name: "a created row has version 1, is not moved, and tells when it was written",
        run: |bench| Box::pin(first_state(bench)),
    },
    Case {
        name: "creating where a live row is changes nothing",
        run: |bench| Box::pin(exists(bench)),
    },
    Case {
        name: "of many creates at once, one succeeds",
        run: |bench| Box::pin(many_creates(bench)),
    },
    Case {
        name: "a row that never was is not there",
        run: |bench| Box::pin(never_was(bench)),
    },
    Case {
        name: "a row lives until its expiry and not a second longer",
        run: |bench| Box::pin(expiry(bench)),
    },
    Case {
        name: "a row can be created where one has expired, and begins anew",
        run: |bench| Box::pin(over_expired(bench)),
    },
    Case {
        name: "a row that is created expired is not there",
        run: |bench| Box::pin(born_expired(bench)),
    },
    Case {
        name: "a row can live until the last instant there is",
        run: |bench| Box::pin(far_future(bench)),
    },
    Case {
        name: "expiry can be brought forward and put off, and nothing else changes",
        run: |bench| Box::pin(expire_at(bench)),
    },
    Case {
        name: "setting an expiry neither makes a row nor brings one back",
        run: |bench| Box::pin(expire_at_missing(bench)),
    },
    Case {
        name: "deleting works, also twice and where nothing is",
        run: |bench| Box::pin(delete(bench)),
    },
    Case {
        name: "a purge deletes nothing that is live, keeps to its batch, and comes to an end",
        run: |bench| Box::pin(purge(bench)),
    },
];

/// Writes, reads, changes, reads and deletes that many bytes.
pub(super) async fn round_trip(bench: &Bench<'_>, len: usize) -> Outcome {
    let mut bytes = pattern(len);
    let key = bench.row(&bytes).await?;
    holds(bench, &key, Some(&bytes)).await?;

    bytes.reverse();
    let change = RowChange {
        bytes: &bytes,
        moved: false,
        expires: None,
    };
    let updated = bench.writer.update(&key, FIRST, change, bench.now).await?;
    same("updating it", &updated, &Updated::Updated)?;
    holds(bench, &key, Some(&bytes)).await?;

    bench.writer.delete(&key).await?;
    holds(bench, &key, None).await
}

async fn holds(bench: &Bench<'_>, key: &RowKey, expected: Option<&[u8]>) -> Outcome {
    let got = bench.load(key, bench.now).await?.map(|row| row.bytes);
    rule(got.as_deref() == expected, || {
        let (got, expected) = (got.map(|b| b.len()), expected.map(<[u8]>::len));
        format!("expected {expected:?} bytes, got {got:?}, or other ones")
    })
}

async fn sizes(bench: &Bench<'_>) -> Outcome {
    for len in [0, 1, 256, 3 << 10, 64 << 10, 1 << 20] {
        round_trip(bench, len).await?;
    }
    Ok(())
}

async fn first_state(bench: &Bench<'_>) -> Outcome {
    let (a, b) = (bench.row(b"a").await?, bench.row(b"b").await?);
    for (key, bytes) in [(a, b"a"), (b, b"b")] {
        let row = bench.load(&key, bench.now).await?;
        same_row("a row", row.as_ref(), Some(&first_row(bench, bytes)))?;
    }
    Ok(())
}

async fn exists(bench: &Bench<'_>) -> Outcome {
    let key = bench.row(b"first").await?;
    let second = NewRow {
        bytes: b"second",
        expires: bench.now + hours(2),
    };
    let created = bench
        .reader
        .create(&key, second, later(bench.now, 1))
        .await?;
    same("creating it again", &created, &Created::Exists)?;
    let row = bench.load(&key, bench.now).await?;
    same_row("the row", row.as_ref(), Some(&first_row(bench, b"first")))
}

async fn many_creates(bench: &Bench<'_>) -> Outcome {
    let key = bench.key()?;
    let rows: Vec<[u8; 1]> = (0..16).map(|n| [n]).collect();
    let expires = bench.now + TTL;
    let handles = [bench.writer, bench.reader].into_iter().cycle();
    let creates = rows.iter().zip(handles);
    let results = join_all(
        creates
            .map(|(bytes, store)| store.create(&key, NewRow { bytes, expires }, bench.now))
            .collect(),
    )
    .await?;
    let winners: Vec<_> = results
        .iter()
        .zip(&rows)
        .filter(|(result, _)| **result == Created::Created)
        .map(|(_, bytes)| bytes.to_vec())
        .collect();
    rule(winners.len() == 1, || {
        format!("{} of {} creates succeeded", winners.len(), results.len())
    })?;
    let row = bench.load(&key, bench.now).await?;
    let bytes = winners.into_iter().next().unwrap_or_default();
    same_row("the row", row.as_ref(), Some(&first_row(bench, &bytes)))
}

async fn never_was(bench: &Bench<'_>) -> Outcome {
    let row = bench.load(&bench.key()?, bench.now).await?;
    same_row("the row", row.as_ref(), None)
}

async fn expiry(bench: &Bench<'_>) -> Outcome {
    let key = bench.row(b"x").await?;
    lives_until(bench, &key, bench.now + TTL).await
}

async fn over_expired(bench: &Bench<'_>) -> Outcome {
    let key = bench.row(b"old").await?;
    let change = RowChange {
        bytes: b"older",
        moved: true,
        expires: Some(bench.now + TTL),
    };
    bench.writer.update(&key, FIRST, change, bench.now).await?;
    let after = bench.now + TTL;
    let new = NewRow {
        bytes: b"new",
        expires: after + TTL,
    };
    let created = bench.writer.create(&key, new, after).await?;
    same("creating it anew", &created, &Created::Created)?;
    let expected = Row {
        state: FIRST,
        written: after,
        expires: after + TTL,
        bytes: b"new".to_vec(),
    };
    let row = bench.load(&key, after).await?;
    same_row("the new row", row.as_ref(), Some(&expected))
}

async fn born_expired(bench: &Bench<'_>) -> Outcome {
    for expires in [bench.now, bench.now - TTL] {
        let key = bench.key()?;
        let row = NewRow {
            bytes: b"x",
            expires,
        };
        let created = bench.writer.create(&key, row, bench.now).await?;
        same("creating it", &created, &Created::Created)?;
        let row = bench.load(&key, bench.now).await?;
        same_row("the row", row.as_ref(), None)?;
    }
    Ok(())
}

async fn far_future(bench: &Bench<'_>) -> Outcome {
    let key = bench.key()?;
    let row = NewRow {
        bytes: b"x",
        expires: Timestamp::MAX,
    };
    bench.writer.create(&key, row, bench.now).await?;
    lives_until(bench, &key, Timestamp::MAX).await
}

async fn expire_at(bench: &Bench<'_>) -> Outcome {
    let key = bench.row(b"x").await?;
    let mut expected = first_row(bench, b"x");
    for expires in [later(bench.now, 600), bench.now + hours(3), Timestamp::MAX] {
        bench
            .writer
            .expire_at(&key, expires, later(bench.now, 1))
            .await?;
        expected.expires = expires;
        let row = bench.load(&key, bench.now).await?;
        same_row("the row", row.as_ref(), Some(&expected))?;
        lives_until(bench, &key, expires).await?;
    }
    Ok(())
}

async fn expire_at_missing(bench: &Bench<'_>) -> Outcome {
    let (never, deleted) = (bench.key()?, bench.row(b"x").await?);
    bench.writer.delete(&deleted).await?;
    let ended = bench.row(b"x").await?;
    bench.writer.expire_at(&ended, bench.now, bench.now).await?;
    for key in [never, deleted, ended] {
        bench
            .writer
            .expire_at(&key, bench.now + TTL, bench.now)
            .await?;
        let row = bench.load(&key, bench.now).await?;
        same_row("the row", row.as_ref(), None)?;
    }
    let expired = bench.row(b"x").await?;
    let after = bench.now + TTL;
    bench.writer.expire_at(&expired, after + TTL, after).await?;
    let row = bench.load(&expired, after).await?;
    same_row("the expired row", row.as_ref(), None)
}

async fn delete(bench: &Bench<'_>) -> Outcome {
    let (gone, stays) = (bench.row(b"gone").await?, bench.row(b"stays").await?);
    bench.writer.delete(&bench.key()?).await?;
    for _ in 0..2 {
        bench.writer.delete(&gone).await?;
        let row = bench.load(&gone, bench.now).await?;
        same_row("the deleted row", row.as_ref(), None)?;
    }
    let row = bench.load(&stays, bench.now).await?;
    let expected = first_row(bench, b"stays");
    same_row("another row", row.as_ref(), Some(&expected))?;
    let expires = bench.now + TTL;
    let again = NewRow {
        bytes: b"again",
        expires,
    };
    let created = bench.writer.create(&gone, again, bench.now).await?;
    same("creating it again", &created, &Created::Created)?;
    let row = bench.load(&gone, bench.now).await?;
    same_row("it", row.as_ref(), Some(&first_row(bench, b"again")))
}

/// The rows to be purged were written in the past, so that no purge has to pretend that it
/// is later than it is: on a server that others use, that would delete what they need.
async fn purge(bench: &Bench<'_>) -> Outcome {
    const BATCH: u32 = 3;
    let live = bench.row(b"live").await?;
    let past = bench.now - hours(2);
    for _ in 0..7 {
        let row = NewRow {
            bytes: b"expired",
            expires: bench.now - TTL,
        };
        bench.writer.create(&bench.key()?, row, past).await?;
    }
    let deleted = bench.writer.delete_expired(bench.now, BATCH).await?;
    rule(deleted <= u64::from(BATCH) * 2, || {
        format!("{deleted} rows and revocations were deleted in a batch of {BATCH} each")
    })?;
    let mut rounds = 0..10_000;
    while bench.writer.delete_expired(bench.now, 1000).await? > 0 {
        rule(rounds.next().is_some(), || {
            "there is always something more to delete".to_owned()
        })?;
    }
    let row = bench.load(&live, bench.now).await?;
    same_row("the row", row.as_ref(), Some(&first_row(bench, b"live")))
}

/// The state of a row that was created and not changed.
pub(super) const FIRST: RowState = RowState {
    version: 1,
    moved: false,
};

/// What [`Bench::row`] made.
pub(super) fn first_row(bench: &Bench<'_>, bytes: &[u8]) -> Row {
    Row {
        state: FIRST,
        written: bench.now,
        expires: bench.now + TTL,
        bytes: bytes.to_vec(),
    }
}

pub(super) async fn lives_until(bench: &Bench<'_>, key: &RowKey, expires: Timestamp) -> Outcome {
    let last = bench.load(key, expires - Duration::from_secs(1)).await?;
    rule(last.is_some(), || {
        "the row is gone before its expiry".to_owned()
    })?;
    let row = bench.load(key, expires).await?;
    same_row("the row at its expiry", row.as_ref(), None)
}

pub(super) fn later(now: Timestamp, seconds: u64) -> Timestamp {
    now + Duration::from_secs(seconds)
}
