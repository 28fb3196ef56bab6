//! `RedisStore` on living servers and clusters, also while they fail.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "tests, and the helpers beside them"
)]

#[path = "../servers/redis.rs"]
mod redis_server;

mod calls;
mod cluster;
mod faults;

use std::{collections::HashSet, time::Duration};

use calls::*;
use redis_server::{RedisCluster, RedisServer};
use sealed_session::{
    store::{
        Created, NewRow, RevocationId, Revoked, RowChange, RowKey, RowPhase, SessionStore,
        StoreErrorKind, SyncCursor, Updated, conformance,
        redis::{RedisOptions, RedisStore},
    },
    time::Timestamp,
};

#[test]
fn one_server_does_what_every_store_must() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    run(conforms(&server.url()));
}

#[test]
fn a_cluster_does_what_every_store_must() {
    let Some(cluster) = RedisCluster::start() else {
        return;
    };
    run(conforms(&cluster.url()));
}

/// With two stores, and with 10 MiB.
async fn conforms(url: &str) {
    let connect = || RedisStore::connect(url, RedisOptions::default());
    let (a, b) = (connect().await.unwrap(), connect().await.unwrap());
    let report = conformance::check_two(&a, &b, now()).await.unwrap();
    assert!(!report.cases().is_empty());
    conformance::check_large(&a, now(), 10 << 20).await.unwrap();
}

#[test]
fn time_to_live_counts_from_the_applications_clock() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    run(async {
        let store = connect(&server.url()).await;
        let left = || {
            server
                .cli(&["pttl", &row_name(&KEY)])
                .trim()
                .parse::<u64>()
                .unwrap()
        };
        let in_1970 = Timestamp::MIN + Duration::from_secs(5);
        let row = NewRow {
            bytes: b"x",
            expires: in_1970 + HOUR,
        };
        store.create(&KEY, row, in_1970).await.unwrap();
        assert!((3_590_000..=3_600_000).contains(&left()));

        store
            .expire_at(&KEY, Timestamp::MAX, Timestamp::MIN)
            .await
            .unwrap();
        assert!((4_294_967_285_000..=4_294_967_295_000).contains(&left()));
        assert!(store.load(&KEY, Timestamp::MIN).await.unwrap().is_some());
        assert_eq!(store.load(&KEY, Timestamp::MAX).await.unwrap(), None);
    });
}

/// A change writes the whole string, which by itself would let the key live for ever.
#[test]
fn a_changed_row_lives_as_long_as_it_says() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    run(async {
        let store = connect(&server.url()).await;
        let in_1970 = Timestamp::MIN + Duration::from_secs(5);
        let expires = in_1970 + HOUR;
        let row = NewRow {
            bytes: b"x",
            expires,
        };
        store.create(&KEY, row, in_1970).await.unwrap();
        let pttl = || {
            let left = server.cli(&["pttl", &row_name(&KEY)]);
            Duration::from_millis(left.trim().parse().unwrap())
        };
        let is_nearly = |left: Duration, whole: Duration| {
            left <= whole && whole < left + Duration::from_secs(10)
        };
        let mut state = FIRST;
        let later = in_1970 + HOUR / 2;
        // What is asked for, how long the row then lives, and how long its key.
        for (asked, left, key_left) in [
            // No time has passed for the server.
            (None, HOUR / 2, HOUR),
            (Some(later + HOUR * 2), HOUR * 2, HOUR * 2),
            (None, HOUR * 2, HOUR * 2),
        ] {
            let change = RowChange {
                bytes: b"y",
                phase: RowPhase::Settled,
                expires: asked,
            };
            let updated = store.update(&KEY, state, change, later).await;
            assert_eq!(updated.unwrap(), Updated::Updated);
            assert!(is_nearly(pttl(), key_left));
            let row = store.load(&KEY, later).await.unwrap().unwrap();
            assert_eq!(row.expires, later + left);
            assert_eq!(row.written, later);
            state = row.state;
        }
        assert_eq!(state.version, 4);

        // Somebody has made the key stay.
        server.cli(&["persist", &row_name(&KEY)]);
        let change = RowChange {
            bytes: b"y",
            phase: RowPhase::Settled,
            expires: None,
        };
        let updated = store.update(&KEY, state, change, later).await;
        assert_eq!(updated.unwrap(), Updated::Updated);
        assert!(is_nearly(pttl(), HOUR * 2));

        state.version += 1;
        let last = RowChange {
            bytes: b"z",
            phase: RowPhase::Settled,
            expires: Some(later),
        };
        let updated = store.update(&KEY, state, last, later).await;
        assert_eq!(updated.unwrap(), Updated::Updated);
        let gone = NewRow {
            bytes: b"x",
            expires: later,
        };
        let created = store.create(&RowKey([8; 32]), gone, later).await;
        assert_eq!(created.unwrap(), Created::Created);
        assert_eq!(server.cli(&["dbsize"]).trim(), "0");
    });
}

#[test]
fn what_another_wrote_under_the_name_of_a_row_is_a_failure_and_stays() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    run(async {
        let store = connect(&server.url()).await;
        let name = row_name(&KEY);
        for other in [
            ["set", &name, "too short"].as_slice(),
            &["set", &name, &"a phase that there is not: ".repeat(2)],
            &["hset", &name, "version", "1"],
        ] {
            server.cli(&["del", &name]);
            server.cli(other);
            let error = load(&store, &KEY).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Failed, "{other:?}");
            assert_eq!(server.cli(&["exists", &name]).trim(), "1");
        }
        let error = create(&store, &KEY, b"x").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Failed);
        let error = update(&store, &KEY, b"x").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Failed);
        assert_eq!(server.cli(&["hget", &name, "version"]).trim(), "1");
    });
}

#[test]
fn rows_of_ten_mebibytes_come_back() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    run(async {
        let store = RedisStore::connect(&server.url(), RedisOptions::default())
            .await
            .unwrap();
        let large: Vec<u8> = (0..10_u32 << 20).map(|i| (i % 251) as u8).collect();
        create(&store, &KEY, &large).await.unwrap();
        assert!(load(&store, &KEY).await.unwrap().unwrap().bytes == large);
        // The script is new to the server: the bytes are sent twice.
        server.cli(&["script", "flush"]);
        assert_eq!(
            update(&store, &KEY, &large).await.unwrap(),
            Updated::Updated
        );
        assert!(load(&store, &KEY).await.unwrap().unwrap().bytes == large);
    });
}

#[test]
fn tls_with_the_right_authority_only() {
    let Some((server, authority)) = RedisServer::tls() else {
        return;
    };
    run(async {
        let url = format!("rediss://localhost:{}", server.port);
        let options = impatient().certificate_authority(authority);
        let store = RedisStore::connect(&url, options.clone()).await.unwrap();
        assert_eq!(create(&store, &KEY, b"x").await.unwrap(), Created::Created);
        assert_eq!(load(&store, &KEY).await.unwrap().unwrap().bytes, b"x");

        for (url, options) in [
            (url.clone(), impatient()),
            (url.replace("localhost", "127.0.0.1"), options.clone()),
            (format!("{url}#insecure"), options),
        ] {
            RedisStore::connect(&url, options).await.unwrap_err();
        }
    });
}

#[test]
fn a_wrong_password_is_a_failure_and_not_in_the_error() {
    let Some(server) = RedisServer::with(&["--save", "", "--requirepass", "right"]) else {
        return;
    };
    run(async {
        let url = |password| format!("redis://:{password}@127.0.0.1:{}", server.port);
        connect(&url("right")).await;
        let error = RedisStore::connect(&url("wrong-one"), impatient())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Failed, "{error:?}");
        assert!(!format!("{error:?}").contains("wrong-one"));
    });
}

/// A page goes on with the millisecond in which the last one ended, so one that is all of
/// one millisecond would never go on.
#[test]
fn a_list_of_any_length_is_read_whole_also_where_all_of_it_was_written_at_once() {
    const WRITE: &str = "for n = 1, 12000 do \
         local id = string.format('%032d', n) \
         redis.call('HSET', KEYS[1], id, '4294967295:4294967295') \
         redis.call('ZADD', KEYS[2], n <= 11000 and 7 or n, id) end";
    let Some(server) = RedisServer::start() else {
        return;
    };
    run(async {
        let store = connect(&server.url()).await;
        let keys = ["entries", "times"].map(|key| format!("{{sealed-session:revoked}}:{key}"));
        server.cli(&["eval", WRITE, "2", &keys[0], &keys[1]]);
        let delta = store.revoked_since(None, now()).await.unwrap();
        let ids: HashSet<_> = delta.entries.iter().map(|entry| entry.id).collect();
        assert_eq!(ids.len(), 12_000);
        assert!(delta.entries.iter().all(|it| it.expires == Timestamp::MAX));
    });
}

#[test]
fn a_cursor_ahead_of_the_servers_clock_misses_nothing_new() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    run(async {
        let store = connect(&server.url()).await;
        let revoked = Revoked {
            id: RevocationId([1; 32]),
            not_before: now(),
            expires: now() + HOUR,
        };
        store.revoke(revoked, now()).await.unwrap();
        let ahead = Some(SyncCursor(u64::MAX));
        let delta = store.revoked_since(ahead, now()).await.unwrap();
        assert_eq!(delta.entries, [revoked]);
        assert!(delta.cursor < SyncCursor(u64::MAX));
    });
}
