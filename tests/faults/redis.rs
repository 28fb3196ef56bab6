//! One Redis server. A call takes the connect and the response timeout together at most.

use core::{net::SocketAddr, time::Duration};
use std::{sync::Arc, thread::sleep, time::Instant};

use sealed_session::store::redis::{RedisOptions, RedisStore};

use crate::{TIMEOUT, cut, proxy::Proxy, redis_server::RedisServer, run, storm::storm};

/// The most that one call takes.
pub(crate) const CALL: Duration = TIMEOUT.saturating_mul(2);

pub(crate) async fn connect(url: &str) -> Arc<RedisStore> {
    let options = RedisOptions::default()
        .connect_timeout(TIMEOUT)
        .response_timeout(TIMEOUT);
    Arc::new(RedisStore::connect(url, options).await.unwrap())
}

#[test]
fn a_killed_redis_comes_back_with_all_that_it_confirmed() {
    run(RedisServer::durable, async |mut server| {
        let store = connect(&server.url()).await;
        let tally = storm("redis killed", store, CALL, async |load| {
            for _ in 0..2 {
                server.kill();
                load.refused(50).await;
                server.restart();
                load.answered(50).await;
            }
        })
        .await;
        tally.assert_sound();
        assert_eq!((tally.full, tally.failed), (0, 0));
        assert!(tally.unreachable >= 100);
    });
}

#[test]
fn a_paused_redis_is_unavailable_until_it_goes_on() {
    run(RedisServer::start, async |server| {
        let store = connect(&server.url()).await;
        let tally = storm("redis paused", store, CALL, async |load| {
            server.pause();
            // Longer than any request waits.
            sleep(CALL * 3);
            load.refused(8).await;
            server.resume();
        })
        .await;
        tally.assert_sound();
        assert_eq!((tally.full, tally.failed), (0, 0));
        assert!(tally.unreachable >= 8);
    });
}

#[test]
fn a_full_redis_refuses_changes_until_there_is_room() {
    let start = || {
        RedisServer::with(&[
            "--save",
            "",
            "--maxmemory",
            "16mb",
            "--maxmemory-policy",
            "noeviction",
        ])
    };
    run(start, async |server| {
        let store = connect(&server.url()).await;
        let tally = storm("redis full", store, CALL, async |load| {
            let before = load.refusals();
            let end = Instant::now() + Duration::from_secs(20);
            let mut fillers = vec!["del".to_owned()];
            // What the load takes and gives back is filled again.
            while load.refusals() < before + 100 {
                assert!(Instant::now() < end, "it does not fill");
                let filler = format!("filler:{}", fillers.len());
                let reply = server.cli(&["setrange", &filler, "100000", "x"]);
                if reply.contains("OOM") {
                    sleep(Duration::from_millis(5));
                } else {
                    fillers.push(filler);
                }
            }
            let fillers: Vec<&str> = fillers.iter().map(String::as_str).collect();
            server.cli(&fillers);
        })
        .await;
        tally.assert_sound();
        assert_eq!((tally.unreachable, tally.failed), (0, 0));
        assert!(tally.full >= 100);
    });
}

#[test]
fn replies_of_redis_that_are_cut_off_lose_nothing() {
    run(RedisServer::start, async |server| {
        let proxy = Proxy::to(SocketAddr::from(([127, 0, 0, 1], server.port))).await;
        let store = connect(&format!("redis://{}", proxy.address)).await;
        let tally = storm("redis cut off", store, CALL, async |load| {
            cut(&proxy, load, 80).await;
        })
        .await;
        tally.assert_sound();
        assert_eq!((tally.full, tally.failed), (0, 0));
        assert!(proxy.cuts() >= 80);
        println!("redis cut off: {} cuts", proxy.cuts());
    });
}
