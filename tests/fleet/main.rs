//! A fleet of servers and its users, for days, in seconds: 250 servers with one store, each
//! with a clock and a ring file of its own, behind a load balancer that sends every request
//! to any of them. Keys rotate, files arrive late or broken, servers restart, clocks are
//! set, cookies are stolen and forged.
//!
//! No live session is refused, and none is accepted that has expired or was revoked, beyond
//! the delay that SECURITY.md states. What must be answered is reckoned in `oracle.rs`,
//! beside the library. Time is injected: nothing sleeps. A run follows from its seed:
//!
//! ```sh
//! FLEET_SEED=7 FLEET_REQUESTS=2000000 cargo test --release --test fleet -- --nocapture
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a failure fails the test"
)]

#[path = "../support/client.rs"]
#[allow(dead_code, reason = "each user needs a part of it")]
mod client;
mod dice;
#[path = "../support/model_store.rs"]
#[allow(dead_code, reason = "each user needs a part of it")]
mod model_store;
mod operator;
mod oracle;
mod server;
mod users;
mod world;

use world::{Sabotage, run};

/// Requests of a run that nobody has asked more of.
const REQUESTS: u64 = 12_000;

fn variable(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn no_live_session_is_refused_and_no_ended_one_accepted() {
    let seed = variable("FLEET_SEED", 20_261_122);
    let requests = variable("FLEET_REQUESTS", REQUESTS);
    println!("FLEET_SEED={seed} FLEET_REQUESTS={requests}");
    let report = run(seed, requests, Sabotage::Nothing, |_| true);
    println!("{report}");
    assert_eq!(report.violations, [""; 0]);
    // It was not for want of trying.
    let tally = &report.tally;
    for (what, count) in [
        ("accepted", tally.accepted),
        ("expired", tally.expired),
        ("revoked", tally.revoked),
        ("within a second of the deadline", tally.at_the_deadline),
        ("logged out everywhere", tally.everywhere),
        ("moves to the store", tally.to_store),
        ("moves to the cookie", tally.to_cookie),
        ("rotations", tally.rotations),
        ("broken ring files", tally.refused_files),
        ("restarts", tally.restarts),
    ] {
        assert!(count >= 3, "{what}: {count}");
    }
}

#[test]
fn a_run_follows_from_its_seed() {
    let [one, again, other] = [1, 1, 2].map(|seed| run(seed, 2_000, Sabotage::Nothing, |_| true));
    assert_eq!(one, again);
    assert_ne!(one, other);
}

/// What would be missed is not held: every kind of wrong operation breaks an invariant.
#[test]
fn a_fleet_that_is_operated_wrongly_is_noticed() {
    for (sabotage, sign) in [
        (Sabotage::OldKeyDropped, "live and refused"),
        (Sabotage::NoActivation, "live and refused"),
        (Sabotage::ClockAhead, "live and refused"),
        (Sabotage::ClockBehind, "Expired and accepted"),
        (Sabotage::NoRevocations, "Revoked and accepted"),
        (Sabotage::AnotherStore, "live and refused"),
        (Sabotage::StandingStill, "Revoked and accepted"),
    ] {
        let report = run(3, 60_000, sabotage, |text| text.contains(sign));
        let noticed = report.violations.iter().find(|text| text.contains(sign));
        println!("{sabotage:?}: {noticed:?}");
        assert!(noticed.is_some(), "{sabotage:?}: {report}");
    }
}
