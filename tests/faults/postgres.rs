//! One PostgreSQL server. A call takes the store's timeout at most, all tries and the wait
//! for a connection included.

use core::{net::SocketAddr, time::Duration};
use std::{sync::Arc, thread::sleep};

use sealed_session::store::postgres::PostgresStore;

use crate::{
    TIMEOUT, cut,
    proxy::Proxy,
    run,
    servers::Postgres,
    storm::{Tally, storm},
};

/// The most that one call takes.
const CALL: Duration = TIMEOUT.saturating_mul(2);

async fn connect(url: &str) -> Arc<PostgresStore> {
    let store = PostgresStore::builder(url)
        .connect_timeout(TIMEOUT)
        .timeout(CALL);
    Arc::new(store.connect().await.unwrap())
}

fn assert_unreachable_only(tally: &Tally) {
    tally.assert_sound();
    assert_eq!((tally.full, tally.failed), (0, 0), "{tally}");
}

#[test]
fn a_killed_postgres_comes_back_with_all_that_it_confirmed() {
    run(Postgres::start, async |mut server| {
        let store = connect(&server.url()).await;
        let tally = storm("postgres killed", store, CALL, async |load| {
            for _ in 0..2 {
                server.kill();
                load.refused(50).await;
                server.restart();
                load.answered(50).await;
            }
        })
        .await;
        assert_unreachable_only(&tally);
        assert!(tally.unreachable >= 100);
    });
}

#[test]
fn a_postgres_that_is_restarted_ends_what_is_in_flight_and_loses_nothing() {
    run(Postgres::start, async |mut server| {
        let store = connect(&server.url()).await;
        let tally = storm("postgres restarted", store, CALL, async |load| {
            for _ in 0..2 {
                server.stop();
                load.refused(20).await;
                server.restart();
                load.answered(50).await;
            }
        })
        .await;
        assert_unreachable_only(&tally);
        assert!(tally.unreachable >= 40);
    });
}

#[test]
fn a_paused_postgres_is_unavailable_until_it_goes_on() {
    run(Postgres::start, async |server| {
        let store = connect(&server.url()).await;
        let tally = storm("postgres paused", store, CALL, async |load| {
            server.pause();
            // Longer than any call waits.
            sleep(CALL * 3);
            load.refused(8).await;
            server.resume();
        })
        .await;
        assert_unreachable_only(&tally);
        assert!(tally.unreachable >= 8);
    });
}

#[test]
fn replies_of_postgres_that_are_cut_off_lose_nothing() {
    run(Postgres::start, async |server| {
        let proxy = Proxy::to(SocketAddr::from(([127, 0, 0, 1], server.port()))).await;
        let own = server.port().to_string();
        let url = server
            .url()
            .replace(&own, &proxy.address.port().to_string());
        let store = connect(&url).await;
        let tally = storm("postgres cut off", store, CALL, async |load| {
            cut(&proxy, load, 80).await;
        })
        .await;
        println!("postgres cut off: {} cuts", proxy.cuts());
        assert_unreachable_only(&tally);
        assert!(proxy.cuts() >= 80);
    });
}
