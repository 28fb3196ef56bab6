//! In the place of `store.rs` where no feature brings a store.

use crate::{
    args::{DecodeArgs, EncodeArgs, RevokeArgs},
    decode::Decoded,
    failure::Failure,
};

pub(crate) fn encode(_: &EncodeArgs, _: &str) -> Result<String, Failure> {
    Err(missing())
}

pub(crate) fn decode(_: &DecodeArgs, _: &str) -> Result<Decoded, Failure> {
    Err(missing())
}

pub(crate) fn revoke(_: &RevokeArgs, _: &str) -> Result<(), Failure> {
    Err(missing())
}

fn missing() -> Failure {
    Failure::Environment(
        "this was built without stores: cargo run --features \
         store-sqlite,store-postgres,store-redis --example sealed-session"
            .to_owned(),
    )
}
