//! Cookie against store: what the comparison finds, and what it does when something is
//! wrong.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::float_cmp,
    reason = "a panic fails the test"
)]

#[path = "../command/mod.rs"]
mod command;

mod cli;
mod evidence;
mod library;
mod schema;
