//! The PostgreSQL store while its server hangs, dies, comes back, or loses an answer.
#![cfg(all(feature = "conformance", feature = "store-postgres"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails that way"
)]

use core::time::Duration;
use std::time::Instant;

use sealed_session::store::{
    Created, RevocationId, Revoked, SessionStore, StoreError, StoreErrorKind, Updated,
    conformance::check, postgres::PostgresStore,
};
use servers::{Postgres, proxy::Proxy};
use tools::{block_on, change, key, now, row, state, together};

mod servers;
mod tools;

#[test]
fn what_a_lost_answer_would_have_said_is_found_out() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let proxy = Proxy::to(server.port());
    let direct = server.port().to_string();
    let url = server.url().replace(&direct, &proxy.port().to_string());
    block_on(async {
        let store = PostgresStore::connect(&url).await.unwrap();
        proxy.lose(b"INSERT 0 1\0");
        let created = store.create(&key(1), row(b"first"), now()).await.unwrap();
        assert_eq!(created, Created::Created);
        assert!(proxy.has_lost());

        proxy.lose(b"UPDATE 1\0");
        let updated = store
            .update(&key(1), state(1), change(b"second"), now())
            .await;
        assert_eq!(updated.unwrap(), Updated::Updated);
        assert!(proxy.has_lost());
        let found = store.load(&key(1), now()).await.unwrap().unwrap();
        assert_eq!((found.state.version, found.bytes), (2, b"second".to_vec()));

        // What somebody else wrote is no success of ours.
        proxy.lose(b"UPDATE 0\0");
        let updated = store
            .update(&key(1), state(1), change(b"third"), now())
            .await;
        assert_eq!(updated.unwrap(), Updated::Conflict);
        assert!(proxy.has_lost());
        proxy.lose(b"INSERT 0 0\0");
        let created = store.create(&key(1), row(b"fourth"), now()).await.unwrap();
        assert_eq!(created, Created::Exists);

        // Without retries it is not known, and said to be so.
        let store = PostgresStore::builder(&url)
            .retries(0)
            .connect()
            .await
            .unwrap();
        proxy.lose(b"UPDATE 1\0");
        let updated = store
            .update(&key(1), state(2), change(b"fifth"), now())
            .await;
        assert_eq!(updated.unwrap_err().kind(), StoreErrorKind::Unreachable);
        let found = store.load(&key(1), now()).await.unwrap().unwrap();
        assert_eq!(found.state.version, 3);
    });
}

#[test]
fn a_row_that_another_transaction_holds_costs_no_more_than_the_timeout() {
    let Some(server) = Postgres::start() else {
        return;
    };
    block_on(async {
        let store = PostgresStore::builder(&server.url()).timeout(Duration::from_millis(400));
        let store = store.connect().await.unwrap();
        store.create(&key(1), row(b"x"), now()).await.unwrap();
        let mut holder = server.sql_in_background(
            "BEGIN; UPDATE sealed_session_rows SET phase = phase; SELECT pg_sleep(60)",
        );
        while server.sql("SELECT count(*) FROM pg_stat_activity WHERE query ~ '^BEGIN.*sleep' AND wait_event = 'PgSleep'") != "1" {}
        let began = Instant::now();
        let held = store
            .update(&key(1), state(1), change(b"late"), now())
            .await;
        assert_eq!(held.unwrap_err().kind(), StoreErrorKind::Unreachable);
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{:?}",
            began.elapsed()
        );
        // Reading waits for nobody, and a purge goes around.
        assert!(store.load(&key(1), now()).await.unwrap().is_some());
        let later = now() + Duration::from_hours(2);
        assert_eq!(store.delete_expired(later, 10).await.unwrap(), 0);
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^BEGIN'");
        holder.wait().unwrap();
        // The update that was given up on does not come late.
        let found = store.load(&key(1), now()).await.unwrap().unwrap();
        assert_eq!(found.state.version, 1);
    });
}

#[test]
fn a_server_that_hangs_costs_no_more_than_the_timeout_and_is_used_again() {
    let Some(server) = Postgres::start() else {
        return;
    };
    block_on(async {
        let store = PostgresStore::builder(&server.url())
            .timeout(Duration::from_millis(500))
            .max_connections(3);
        let store = store.connect().await.unwrap();
        let entry = Revoked {
            id: RevocationId([1; 32]),
            not_before: now(),
            expires: now() + Duration::from_hours(1),
        };
        store.create(&key(1), row(b"x"), now()).await.unwrap();
        server.pause();
        for _ in 0..4 {
            let began = Instant::now();
            let [a, b, c, d] = [0; 4].map(|_| store.clone());
            let kinds = together([
                Box::pin(async move { a.load(&key(1), now()).await.map(drop) }) as _,
                Box::pin(async move { b.revoke(entry, now()).await.map(drop) }),
                Box::pin(async move { c.delete_expired(now(), 10).await.map(drop) }),
                Box::pin(async move {
                    let updated = d.update(&key(1), state(1), change(b"y"), now()).await;
                    updated.map(drop)
                }),
            ])
            .await
            .map(|result: Result<(), StoreError>| result.unwrap_err().kind());
            assert_eq!(kinds, [StoreErrorKind::Unreachable; 4]);
            assert!(
                began.elapsed() < Duration::from_secs(3),
                "{:?}",
                began.elapsed()
            );
        }
        server.resume();
        recovers(&store).await;
        // Every place of the pool is free again.
        let calls = [1, 2, 3].map(|n| {
            let store = store.clone();
            Box::pin(async move { store.load(&key(n), now()).await.map(|row| row.is_some()) }) as _
        });
        let found = together(calls).await.map(Result::unwrap);
        assert_eq!(found, [true, false, false]);
        check(&store, now()).await.unwrap();
    });
}

#[test]
fn a_server_that_dies_under_load_is_used_again_and_nothing_acknowledged_is_lost() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    block_on(async {
        let store = PostgresStore::builder(&server.url()).timeout(Duration::from_secs(1));
        let store = store.connect().await.unwrap();
        let url = server.url();
        let acknowledged: Vec<(u8, u64)> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..4_u8)
                .map(|n| {
                    let url = &url;
                    scope.spawn(move || block_on(count_up_until_it_dies(n, url)))
                })
                .collect();
            std::thread::sleep(Duration::from_millis(700));
            server.kill();
            clients
                .into_iter()
                .map(|client| client.join().unwrap())
                .collect()
        });
        let refused = store.load(&key(0), now()).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Unreachable);
        server.restart();
        recovers(&store).await;
        for (n, version) in acknowledged {
            let found = store.load(&key(n), now()).await.unwrap().unwrap();
            // The last one may have been done without having been acknowledged.
            assert!(version > 10, "{version}");
            assert!((version..=version + 1).contains(&found.state.version));
        }
        check(&store, now()).await.unwrap();
    });
}

/// The row's version after the last update that was acknowledged.
async fn count_up_until_it_dies(n: u8, url: &str) -> (u8, u64) {
    let store = PostgresStore::builder(url).timeout(Duration::from_secs(1));
    let store = store.connect().await.unwrap();
    store.create(&key(n), row(b"0"), now()).await.unwrap();
    let mut version = 1;
    loop {
        let bytes = version.to_string();
        let change = change(bytes.as_bytes());
        match store.update(&key(n), state(version), change, now()).await {
            Ok(updated) => assert_eq!(updated, Updated::Updated),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unreachable);
                return (n, version);
            }
        }
        version += 1;
    }
}

/// The same store works again, without a restart of this process.
async fn recovers(store: &PostgresStore) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = store.load(&key(1), now()).await {
        assert_eq!(error.kind(), StoreErrorKind::Unreachable);
        assert!(Instant::now() < deadline, "{error:?}");
    }
}
