//! The PostgreSQL store against a real server.
#![cfg(all(feature = "conformance", feature = "store-postgres"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails that way"
)]

use sealed_session::store::{
    RevocationId, SessionStore, StoreErrorKind,
    conformance::{check, check_large, check_two},
    postgres::PostgresStore,
};
use servers::Postgres;
use tools::{block_on, key, now, row, together};

mod servers;
mod tools;

#[test]
fn postgres_keeps_every_rule() {
    let Some(server) = Postgres::start() else {
        return;
    };
    block_on(async {
        let store = PostgresStore::connect(&server.url()).await.unwrap();
        println!("{}", check(&store, now()).await.unwrap());
        check_large(&store, now(), 10 << 20).await.unwrap();
        let other = PostgresStore::connect(&server.url()).await.unwrap();
        check_two(&store, &other, now()).await.unwrap();
        // As on a server that others use, also while they run the suite.
        let suites = [store.clone(), store.clone(), other];
        together(
            suites.map(|store| {
                Box::pin(async move { drop(check(&store, now()).await.unwrap()) }) as _
            }),
        )
        .await;
        assert_eq!(server.sql("SELECT count(*) FROM sealed_session_rows"), "0");

        // In a schema of its own, and under another name.
        server.sql("CREATE SCHEMA web");
        let store = PostgresStore::builder(&server.url()).schema("web");
        let store = store.table_prefix("shop").connect().await.unwrap();
        check(&store, now()).await.unwrap();
        server.sql("SELECT count(*) FROM web.shop_rows");
    });
}

#[test]
fn servers_that_start_at_once_make_the_tables_once() {
    let Some(server) = Postgres::start() else {
        return;
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                block_on(async {
                    let store = PostgresStore::builder(&server.url()).max_connections(2);
                    let store = store.connect().await.unwrap();
                    assert!(store.load(&key(1), now()).await.unwrap().is_none());
                });
            });
        }
    });
    let versions = server.sql("SELECT count(*), max(version) FROM sealed_session_schema");
    assert_eq!(versions, "1|1");

    // Once they are there, a role that may only read and write rows will do.
    server.sql(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE app LOGIN; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app",
    );
    let url = server.url().replace("web@", "app@");
    block_on(async {
        let store = PostgresStore::connect(&url).await.unwrap();
        check(&store, now()).await.unwrap();
        let other = PostgresStore::builder(&url).table_prefix("other");
        let refused = other.connect().await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Failed);
    });

    server.sql("INSERT INTO sealed_session_schema VALUES (99)");
    let refused = block_on(PostgresStore::connect(&server.url())).unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Failed);
}

#[test]
fn servers_that_purge_at_once_share_the_work() {
    let Some(server) = Postgres::start() else {
        return;
    };
    block_on(async {
        let store = PostgresStore::connect(&server.url()).await.unwrap();
        server.sql(
            "INSERT INTO sealed_session_rows SELECT sha256(n::text::bytea), 1, false, 0, 10, 'x' \
             FROM generate_series(1, 5000) n; \
             INSERT INTO sealed_session_revoked SELECT sha256(n::text::bytea), 0, 10, 0 \
             FROM generate_series(1, 100) n; ANALYZE",
        );
        store.create(&key(1), row(b"lives"), now()).await.unwrap();
        let first = store.delete_expired(now(), 150).await.unwrap();
        assert_eq!(first, 250);
        let purge = async |store: PostgresStore| {
            let mut deleted = 0;
            loop {
                match store.delete_expired(now(), 100).await.unwrap() {
                    0 => break deleted,
                    some => deleted += some,
                }
            }
        };
        let servers = [store.clone(), store.clone(), store.clone()];
        let shares = together(servers.map(|store| Box::pin(purge(store)) as _)).await;
        assert_eq!(shares.iter().sum::<u64>(), 4850);
        assert!(store.load(&key(1), now()).await.unwrap().is_some());
        assert_eq!(server.sql("SELECT count(*) FROM sealed_session_rows"), "1");
    });
}

#[test]
fn a_revocation_that_becomes_visible_late_is_not_missed() {
    let Some(server) = Postgres::start() else {
        return;
    };
    block_on(async {
        let store = PostgresStore::connect(&server.url()).await.unwrap();
        let cursor = store.revoked_since(None, now()).await.unwrap().cursor;
        let late = |id: u8, seconds: u32| {
            let id = format!("decode(repeat('{id:02x}', 32), 'hex')");
            let changed = format!("(extract(epoch FROM now()) - {seconds}) * 1000000");
            server.sql(&format!(
                "INSERT INTO sealed_session_revoked VALUES ({id}, 1, 4000000000, {changed})"
            ));
        };
        late(7, 50);
        late(8, 3600);
        let delta = store.revoked_since(Some(cursor), now()).await.unwrap();
        let ids: Vec<_> = delta.entries.iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [RevocationId([7; 32])]);
        let all = store.revoked_since(None, now()).await.unwrap();
        assert_eq!(all.entries.len(), 2);
    });
}

#[test]
fn tls_is_used_when_the_url_asks_for_it() {
    let Some(server) = Postgres::start_tls() else {
        return;
    };
    block_on(async {
        let url = |mode: &str| format!("{}?sslmode={mode}", server.url());
        let store = PostgresStore::connect(&url("require")).await.unwrap();
        check(&store, now()).await.unwrap();
        let encrypted = "SELECT bool_and(ssl), count(*) > 0 FROM pg_stat_ssl JOIN \
                         pg_stat_activity USING (pid) WHERE client_port IS NOT NULL";
        assert_eq!(server.sql(encrypted), "t|t");
        // Nobody vouches for the certificate, and plain text is refused by the server.
        for mode in ["verify-full", "verify-ca", "disable"] {
            assert!(PostgresStore::connect(&url(mode)).await.is_err(), "{mode}");
        }
    });
}
