//! The list of revocations grows, is asked, and is followed.

use core::time::Duration;

use super::{Bench, Case, Outcome, TTL, Wrong, hours, join_all, revocation_id, rule, same};
use crate::{
    store::{RevocationId, Revoked, SyncCursor},
    time::Timestamp,
};

const SECOND: Duration = Duration::from_secs(1);

pub(super) const CASES: &[Case] = &[
    Case {
        name: "what was revoked is told, and what was not is not",
        run: |bench| Box::pin(told(bench)),
    },
    Case {
        name: "asking after no ids finds nothing",
        run: |bench| Box::pin(no_ids(bench)),
    },
    Case {
        name: "each revocation of an id moves it on by a second at least, to the later instants",
        run: |bench| Box::pin(moves_on(bench)),
    },
    Case {
        name: "revoking tells what was there before",
        run: |bench| Box::pin(tells_before(bench)),
    },
    Case {
        name: "an expired revocation is as if it had never been when its id is revoked again",
        run: |bench| Box::pin(after_expiry(bench)),
    },
    Case {
        name: "what is revoked until the last instant there is stays so",
        run: |bench| Box::pin(at_the_end(bench)),
    },
    Case {
        name: "of many revocations at once each comes after another",
        run: |bench| Box::pin(many_at_once(bench)),
    },
    Case {
        name: "an expired revocation is not told",
        run: |bench| Box::pin(expired(bench)),
    },
    Case {
        name: "reading all revocations finds all that have not expired",
        run: |bench| Box::pin(all(bench)),
    },
    Case {
        name: "reading on from a cursor finds what was revoked after it",
        run: |bench| Box::pin(reading_on(bench)),
    },
    Case {
        name: "reading on from a cursor finds what was changed after it",
        run: |bench| Box::pin(changed(bench)),
    },
    Case {
        name: "reading on goes back before the cursor, so that late writers are not missed",
        run: |bench| Box::pin(overlap(bench)),
    },
    Case {
        name: "a purge deletes no revocation that has not expired",
        run: |bench| Box::pin(purge(bench)),
    },
];

async fn told(bench: &Bench<'_>) -> Outcome {
    let mut ids = Vec::new();
    let mut expected = Vec::new();
    for n in 0..20 {
        let mut entry = entry(bench)?;
        entry.not_before = bench.now - hours(n);
        bench.writer.revoke(entry, bench.now).await?;
        expected.push(entry);
        ids.extend([entry.id, revocation_id()?]);
    }
    asked(bench, &ids, expected.clone()).await?;
    for one in expected {
        asked(bench, &[one.id], vec![one]).await?;
    }
    asked(bench, &[revocation_id()?], Vec::new()).await
}

async fn no_ids(bench: &Bench<'_>) -> Outcome {
    asked(bench, &[], Vec::new()).await
}

async fn moves_on(bench: &Bench<'_>) -> Outcome {
    let first = entry(bench)?;
    let (sooner, later) = (first.not_before - TTL, first.not_before + TTL);
    let (shorter, longer) = (bench.now + Duration::from_mins(30), bench.now + hours(2));
    let steps = [
        (first.not_before, first.expires),
        (sooner, shorter),
        (later, shorter),
        (sooner, longer),
        (sooner, shorter),
        (later, longer),
        (later + SECOND, longer + SECOND),
        (later + SECOND, shorter),
    ];
    let mut expected = None;
    for (not_before, expires) in steps {
        let id = first.id;
        let next = Revoked {
            id,
            not_before,
            expires,
        };
        bench.writer.revoke(next, bench.now).await?;
        expected = Some(next.after(expected));
        asked(bench, &[id], expected.into_iter().collect()).await?;
    }
    Ok(())
}

async fn tells_before(bench: &Bench<'_>) -> Outcome {
    let first = entry(bench)?;
    let mut before = None;
    for (n, store) in (0..6).zip([bench.writer, bench.reader].into_iter().cycle()) {
        let next = Revoked {
            not_before: first.not_before + hours(n % 3),
            ..first
        };
        let told = store.revoke(next, bench.now).await?;
        same("what was there before", &told, &before)?;
        before = Some(next.after(before));
    }
    let other = bench.writer.revoke(entry(bench)?, bench.now).await?;
    same("what was there of another id", &other, &None)
}

async fn after_expiry(bench: &Bench<'_>) -> Outcome {
    let past = Revoked {
        not_before: bench.now + hours(5),
        expires: bench.now,
        ..entry(bench)?
    };
    bench.writer.revoke(past, bench.now - TTL).await?;
    let next = Revoked {
        not_before: bench.now,
        expires: bench.now + TTL,
        ..past
    };
    let told = bench.writer.revoke(next, bench.now).await?;
    same("what was there before", &told, &None)?;
    asked(bench, &[next.id], vec![next]).await
}

async fn at_the_end(bench: &Bench<'_>) -> Outcome {
    let last = Revoked {
        not_before: Timestamp::MAX,
        ..entry(bench)?
    };
    for _ in 0..3 {
        bench.writer.revoke(last, bench.now).await?;
        let told = bench.reader.revoked(&[last.id], bench.now).await?;
        let not_before: Vec<_> = told.iter().map(|entry| entry.not_before).collect();
        same("what holds", &not_before, &vec![Timestamp::MAX])?;
    }
    Ok(())
}

async fn many_at_once(bench: &Bench<'_>) -> Outcome {
    let first = entry(bench)?;
    let handles = [bench.writer, bench.reader].into_iter().cycle();
    let calls = (0..16)
        .zip(handles)
        .map(|(_, store)| store.revoke(first, bench.now));
    let mut told = join_all(calls.collect()).await?;
    told.sort_by_key(|before| before.map(|before| before.not_before));
    let mut holds = None;
    for before in told {
        same("what was there before", &before, &holds)?;
        holds = Some(first.after(holds));
    }
    asked(bench, &[first.id], holds.into_iter().collect()).await
}

async fn expired(bench: &Bench<'_>) -> Outcome {
    let lives = entry(bench)?;
    bench.writer.revoke(lives, bench.now).await?;
    let after = lives.expires;
    let told = bench.reader.revoked(&[lives.id], after).await?;
    same("revocations at their expiry", &told, &Vec::new())?;

    let past = Revoked {
        expires: bench.now - TTL,
        ..entry(bench)?
    };
    bench.writer.revoke(past, bench.now - hours(2)).await?;
    asked(bench, &[past.id], Vec::new()).await?;

    // One that is over already when it is added.
    let over = Revoked {
        expires: bench.now,
        ..entry(bench)?
    };
    bench.writer.revoke(over, bench.now).await?;
    asked(bench, &[over.id], Vec::new()).await
}

async fn all(bench: &Bench<'_>) -> Outcome {
    let (a, b) = (entry(bench)?, entry(bench)?);
    let past = Revoked {
        expires: bench.now - TTL,
        ..entry(bench)?
    };
    for (entry, now) in [(a, bench.now), (b, bench.now), (past, bench.now - hours(2))] {
        bench.writer.revoke(entry, now).await?;
    }
    let (found, _) = since(bench, None, &[a.id, b.id, past.id]).await?;
    same("all revocations", &found, &sorted(vec![a, b]))
}

async fn reading_on(bench: &Bench<'_>) -> Outcome {
    let (_, mut cursor) = since(bench, None, &[]).await?;
    for _ in 0..5 {
        let entry = entry(bench)?;
        bench.writer.revoke(entry, bench.now).await?;
        let (found, next) = since(bench, Some(cursor), &[entry.id]).await?;
        same("revocations after the cursor", &found, &vec![entry])?;
        cursor = next;
    }
    Ok(())
}

async fn changed(bench: &Bench<'_>) -> Outcome {
    let first = entry(bench)?;
    bench.writer.revoke(first, bench.now).await?;
    let (_, cursor) = since(bench, None, &[first.id]).await?;
    let change = Revoked {
        not_before: bench.now + Duration::from_mins(30),
        ..first
    };
    bench.writer.revoke(change, bench.now).await?;
    let (found, _) = since(bench, Some(cursor), &[first.id]).await?;
    let expected = vec![change.after(Some(first))];
    same("revocations after the cursor", &found, &expected)
}

async fn overlap(bench: &Bench<'_>) -> Outcome {
    let entry = entry(bench)?;
    bench.writer.revoke(entry, bench.now).await?;
    let (_, cursor) = since(bench, None, &[entry.id]).await?;
    let (found, _) = since(bench, Some(cursor), &[entry.id]).await?;
    same("what was revoked just before", &found, &vec![entry])
}

async fn purge(bench: &Bench<'_>) -> Outcome {
    let lives = entry(bench)?;
    bench.writer.revoke(lives, bench.now).await?;
    let mut rounds = 0..10_000;
    while bench.writer.delete_expired(bench.now, 1000).await? > 0 {
        rule(rounds.next().is_some(), || {
            "there is always something more to delete".to_owned()
        })?;
    }
    asked(bench, &[lives.id], vec![lives]).await
}

/// A revocation of whatever began until now.
fn entry(bench: &Bench<'_>) -> Result<Revoked, Wrong> {
    Ok(Revoked {
        id: revocation_id()?,
        not_before: bench.now,
        expires: bench.now + TTL,
    })
}

async fn asked(bench: &Bench<'_>, ids: &[RevocationId], expected: Vec<Revoked>) -> Outcome {
    let told = bench.reader.revoked(ids, bench.now).await?;
    let what = format!("the revocations of {} ids", ids.len());
    same(&what, &sorted(told), &sorted(expected))
}

/// Those of `ids` that are found; others use the store too, and repetition is allowed.
async fn since(
    bench: &Bench<'_>,
    cursor: Option<SyncCursor>,
    ids: &[RevocationId],
) -> Result<(Vec<Revoked>, SyncCursor), Wrong> {
    let delta = bench.reader.revoked_since(cursor, bench.now).await?;
    let mut found = delta.entries;
    found.retain(|entry| ids.contains(&entry.id));
    let mut found = sorted(found);
    found.dedup();
    Ok((found, delta.cursor))
}

fn sorted(mut entries: Vec<Revoked>) -> Vec<Revoked> {
    entries.sort_by_key(|entry| entry.id);
    entries
}
