//! What happens to sessions while their store is killed, paused, filled, cut off or fails
//! over, under load. Each test prints a line with what became of all requests.
//!
//! # What holds in each of them
//! * No wrong data, no cleared cookie, no logout: a request is answered with its session,
//!   or refused as unavailable or as a conflict. A conflict is a refusal as well: it comes
//!   of a write whose reply was lost.
//! * Every request ends within [`CALLS`](storm::CALLS) times what one call may take as the
//!   store is configured, and [`SLACK`](storm::SLACK) for a slow machine.
//! * Afterwards everybody is answered again, by the same store object.
//! * What was acknowledged is there, and what was logged out is not. For the one exception
//!   see the module `cluster`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::panic,
    reason = "tests, and the helpers beside them"
)]

#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../servers/redis.rs"]
mod redis_server;
#[path = "../servers/mod.rs"]
mod servers;
#[path = "../support/storm.rs"]
mod storm;

mod cluster;
mod postgres;
mod redis;
mod sqlite;

use core::time::Duration;
use std::sync::{Mutex, PoisonError};

use proxy::Proxy;
use storm::Load;

/// Each of the timeouts of the stores here.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Runs one test at a time, with what it needs if that is there: others would be load that
/// is not in the tally.
fn run<S>(start: impl FnOnce() -> Option<S>, test: impl AsyncFnOnce(S)) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(server) = start() else {
        return;
    };
    // The test itself may block: the load is on the workers.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(test(server));
}

/// Cuts connections at all kinds of places, so many times.
async fn cut(proxy: &Proxy, load: &Load, times: usize) {
    for cut in 0..times {
        // Within the head of a reply, within a row, or some replies later.
        proxy.cut_after([0, 1, 7, 200, 2_000, 5_000, 20_000, 50_000][cut % 8] + cut);
        let before = proxy.cuts();
        while proxy.cuts() == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Now and then the repetition is cut off as well.
        if cut % 4 != 3 {
            load.answered(4).await;
        }
    }
}
