//! `revoke`: ends sessions wherever their cookies are.

use std::io::Write;

use crate::{args::RevokeArgs, failure::Failure, sealing, store};

pub(crate) fn run(args: &RevokeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    store::revoke(args, sealing::store_url(&args.store)?)?;
    let what = match args.user {
        Some(_) => "all sessions of that user that have begun by now",
        None => "the session, and with it every copy of its cookie",
    };
    Ok(writeln!(out, "revoked: {what}")?)
}
