//! Rows change by compare and swap, or not at all.

use super::{
    Bench, Case, Outcome, TTL, hours, join_all,
    rows::{FIRST, first_row, later, lives_until},
    rule, same, same_row,
};
use crate::store::{RowChange, RowKey, RowPhase, RowState, Updated};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "an update keeps the expiry or sets it, as it is told",
        run: |bench| Box::pin(sets_expiry(bench)),
    },
    Case {
        name: "an update counts the version up, and tells when it was written",
        run: |bench| Box::pin(counts(bench)),
    },
    Case {
        name: "a row can move away and back",
        run: |bench| Box::pin(moves(bench)),
    },
    Case {
        name: "an update that expects another version or place changes nothing",
        run: |bench| Box::pin(conflicts(bench)),
    },
    Case {
        name: "an update where no row is never makes one",
        run: |bench| Box::pin(never_was(bench)),
    },
    Case {
        name: "an update never brings a deleted row back",
        run: |bench| Box::pin(deleted(bench)),
    },
    Case {
        name: "an update never brings an expired row back",
        run: |bench| Box::pin(expired(bench)),
    },
    Case {
        name: "an update that sets an expiry in the past ends the row",
        run: |bench| Box::pin(ends(bench)),
    },
    Case {
        name: "of many updates that expect the same state, one succeeds",
        run: |bench| Box::pin(many_updates(bench)),
    },
    Case {
        name: "a deleted row stays deleted, whatever was in flight",
        run: |bench| Box::pin(delete_in_flight(bench)),
    },
];

const CHANGE: RowChange<'static> = RowChange {
    bytes: b"changed",
    phase: FIRST.phase,
    expires: None,
};

async fn counts(bench: &Bench<'_>) -> Outcome {
    let key = bench.row(b"x").await?;
    let mut expected = first_row(bench, b"changed");
    for version in 1..=20 {
        expected.state.version = version;
        expected.written = later(bench.now, version);
        let updated = bench
            .writer
            .update(&key, expected.state, CHANGE, expected.written)
            .await?;
        same("updating", &updated, &Updated::Updated)?;
        expected.state.version = version.saturating_add(1);
        let row = bench.load(&key, bench.now).await?;
        same_row("the row", row.as_ref(), Some(&expected))?;
    }
    Ok(())
}

async fn sets_expiry(bench: &Bench<'_>) -> Outcome {
    let key = bench.row(b"x").await?;
    let mut state = FIRST;
    let mut expected = bench.now + TTL;
    let soon = later(bench.now, 600);
    for expires in [None, Some(soon), None, Some(bench.now + hours(2)), None] {
        let change = RowChange { expires, ..CHANGE };
        let updated = bench.writer.update(&key, state, change, bench.now).await?;
        same("updating", &updated, &Updated::Updated)?;
        state.version = state.version.saturating_add(1);
        expected = expires.unwrap_or(expected);
        let row = bench.load(&key, bench.now).await?;
        let got = row.map(|row| row.expires);
        same("the expiry", &got, &Some(expected))?;
        lives_until(bench, &key, expected).await?;
    }
    Ok(())
}

async fn ends(bench: &Bench<'_>) -> Outcome {
    for expires in [bench.now, bench.now - TTL] {
        let key = bench.row(b"x").await?;
        let change = RowChange {
            expires: Some(expires),
            ..CHANGE
        };
        let updated = bench.writer.update(&key, FIRST, change, bench.now).await?;
        same("updating", &updated, &Updated::Updated)?;
        is_missing(bench, &key).await?;
    }
    Ok(())
}

async fn moves(bench: &Bench<'_>) -> Outcome {
    let key = bench.row(b"x").await?;
    let mut state = FIRST;
    let all = RowPhase::ALL.into_iter();
    for phase in all.clone().rev().chain(all.clone()).chain(all) {
        let change = RowChange { phase, ..CHANGE };
        let updated = bench.writer.update(&key, state, change, bench.now).await?;
        same("updating", &updated, &Updated::Updated)?;
        state = RowState {
            version: state.version.saturating_add(1),
            phase,
        };
        let row = bench.load(&key, bench.now).await?;
        same("the state", &row.map(|row| row.state), &Some(state))?;
    }
    Ok(())
}

async fn conflicts(bench: &Bench<'_>) -> Outcome {
    let key = bench.row(b"x").await?;
    let second = RowState {
        version: 2,
        phase: RowPhase::Moved,
    };
    let change = RowChange {
        phase: RowPhase::Moved,
        ..CHANGE
    };
    let updated = bench.writer.update(&key, FIRST, change, bench.now).await?;
    same("updating", &updated, &Updated::Updated)?;
    let before = bench.load(&key, bench.now).await?;

    let versions = [0, 1, 3, 1 << 31, 1 << 32, (1 << 53) + 2, (1 << 63) + 1];
    let wrong = versions.into_iter().chain([u64::MAX]);
    let wrong = wrong.flat_map(|version| RowPhase::ALL.map(|phase| RowState { version, phase }));
    let phases = [RowPhase::Fresh, RowPhase::Settled].map(|phase| RowState { phase, ..second });
    for state in wrong.chain(phases) {
        let change = RowChange {
            bytes: b"lost",
            phase: RowPhase::Settled,
            expires: Some(bench.now + hours(2)),
        };
        let updated = bench
            .writer
            .update(&key, state, change, later(bench.now, 5))
            .await?;
        let what = format!("an update that expects {state:?} of {second:?}");
        same(&what, &updated, &Updated::Conflict)?;
        let row = bench.load(&key, bench.now).await?;
        same_row("the row", row.as_ref(), before.as_ref())?;
    }
    Ok(())
}

async fn never_was(bench: &Bench<'_>) -> Outcome {
    is_missing(bench, &bench.key()?).await
}

async fn deleted(bench: &Bench<'_>) -> Outcome {
    let key = bench.row(b"x").await?;
    bench.writer.delete(&key).await?;
    is_missing(bench, &key).await
}

async fn expired(bench: &Bench<'_>) -> Outcome {
    let key = bench.row(b"x").await?;
    let after = bench.now + TTL;
    let change = RowChange {
        expires: Some(after + TTL),
        ..CHANGE
    };
    let updated = bench.writer.update(&key, FIRST, change, after).await?;
    same("updating it", &updated, &Updated::Missing)?;
    let row = bench.load(&key, after).await?;
    same_row("the row", row.as_ref(), None)
}

async fn many_updates(bench: &Bench<'_>) -> Outcome {
    let key = bench.row(b"x").await?;
    let rows: Vec<[u8; 1]> = (0..16).map(|n| [n]).collect();
    let mut expected = first_row(bench, b"x");
    for _ in 0..4 {
        let handles = [bench.writer, bench.reader].into_iter().cycle();
        let updates = rows.iter().zip(handles).map(|(bytes, store)| {
            let change = RowChange { bytes, ..CHANGE };
            store.update(&key, expected.state, change, bench.now)
        });
        let results = join_all(updates.collect()).await?;
        let winners: Vec<_> = results
            .iter()
            .zip(&rows)
            .filter(|(result, _)| **result == Updated::Updated)
            .map(|(_, bytes)| bytes.to_vec())
            .collect();
        let conflicts = results.iter().filter(|r| **r == Updated::Conflict).count();
        rule(
            winners.len() == 1 && conflicts.saturating_add(1) == results.len(),
            || format!("the updates came to {results:?}"),
        )?;
        expected.state.version = expected.state.version.saturating_add(1);
        expected.bytes = winners.into_iter().next().unwrap_or_default();
        let row = bench.load(&key, bench.now).await?;
        same_row("the row", row.as_ref(), Some(&expected))?;
    }
    Ok(())
}

async fn delete_in_flight(bench: &Bench<'_>) -> Outcome {
    for _ in 0..4 {
        let key = bench.row(b"x").await?;
        let update = || async {
            let updated = bench.reader.update(&key, FIRST, CHANGE, bench.now).await;
            updated.map(drop)
        };
        let delete = || bench.writer.delete(&key);
        let expire = || bench.reader.expire_at(&key, bench.now + TTL, bench.now);
        join_all(vec![
            Box::pin(update()),
            delete(),
            expire(),
            Box::pin(update()),
        ])
        .await?;
        is_missing(bench, &key).await?;
    }
    Ok(())
}

/// There is no row, and updates that expect whatever it may have been do not make one.
async fn is_missing(bench: &Bench<'_>, key: &RowKey) -> Outcome {
    for version in [0, 1, 2, 3, u64::MAX] {
        for phase in RowPhase::ALL {
            let state = RowState { version, phase };
            let change = RowChange {
                expires: Some(bench.now + TTL),
                ..CHANGE
            };
            let updated = bench.reader.update(key, state, change, bench.now).await?;
            same("updating what is not there", &updated, &Updated::Missing)?;
        }
    }
    let row = bench.load(key, bench.now).await?;
    same_row("the row", row.as_ref(), None)
}
