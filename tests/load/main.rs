//! Sustained and hostile load over real HTTP on loopback, against axum and a real Redis.
//!
//! `LOAD_SECONDS` says for how long each (60 by default); `scripts/load.sh` runs it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test"
)]

#[path = "../servers/redis.rs"]
mod redis_server;

mod browser;
mod hostile;
mod memory;
mod shop;
mod users;

use core::time::Duration;

use memory::Memory;
use redis_server::RedisServer;
use sealed_session::keys::Key;
use shop::Shop;
use users::Users;

fn seconds() -> u64 {
    let given = std::env::var("LOAD_SECONDS").ok();
    given.map_or(60, |text| text.parse().expect("a number of seconds"))
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(test);
}

/// Users log in, fill carts across the limit of the cookie, read, and log out, while keys
/// rotate, users are revoked, and the store dies and comes back.
#[test]
fn under_sustained_load_no_session_is_lost_and_memory_stays_flat() {
    let Some(mut redis) = RedisServer::durable() else {
        return println!("SKIPPED load: no redis-server");
    };
    run(async move {
        let shop = Shop::open(&redis.url()).await;
        let users = Users::start(&shop, 8);
        // The first minute of a process is growth: pools, caches, arenas.
        let rounds = (seconds() / 6).clamp(4, 100);
        let mut memory = Memory::default();
        for round in 0..rounds {
            tokio::time::sleep(Duration::from_secs(5)).await;
            match round % 3 {
                0 => shop.rotate(Key::generate().unwrap()),
                1 => {
                    redis.kill();
                    users.wait_for_refusals(20).await;
                    redis.restart();
                    users.wait_for_answers(50).await;
                }
                _ => shop.revoke_somebody().await,
            }
            memory.note();
        }
        let tally = users.stop().await;
        println!("{tally}");
        println!("{} rotations; {memory}", shop.rotations());
        tally.assert_sound();
        memory.assert_flat();
    });
}

/// Every one is answered as if it had no cookie; what that costs beside a valid request is
/// printed.
#[test]
fn a_flood_of_hostile_cookies_is_answered_and_leaves_nothing_behind() {
    run(async {
        let shop = Shop::open_in_memory().await;
        let report = hostile::flood(&shop, Duration::from_secs(seconds())).await;
        println!("{report}");
        report.memory.assert_flat();
    });
}
