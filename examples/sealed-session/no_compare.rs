//! In the place of `compare` where its feature is off.

use std::io::Write;

use crate::{args::CompareArgs, failure::Failure};

pub(crate) fn run(_: &CompareArgs, _: &mut dyn Write) -> Result<(), Failure> {
    Err(Failure::Environment(
        "this was built without the comparison: cargo run --release --features compare \
         --example sealed-session -- compare"
            .to_owned(),
    ))
}
