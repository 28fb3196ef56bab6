//! `sealed-session`: makes and rotates key rings, seals sessions into cookies, opens them
//! again, and shows what a cookie is made of.
//!
//! Start with `cargo run --release --example sealed-session -- demo`.

mod anatomy;
mod args;
#[cfg(feature = "compare")]
mod compare;
#[cfg(not(feature = "compare"))]
#[path = "no_compare.rs"]
mod compare;
mod decode;
mod demo;
mod encode;
mod failure;
mod inspect;
mod keys;
mod revoke;
mod sealing;
mod style;

#[cfg(feature = "store-sqlite")]
mod demo_store;
#[cfg(any(
    feature = "store-postgres",
    feature = "store-redis",
    feature = "store-sqlite"
))]
mod store;
#[cfg(not(any(
    feature = "store-postgres",
    feature = "store-redis",
    feature = "store-sqlite"
)))]
#[path = "no_store.rs"]
mod store;
#[cfg(any(
    feature = "store-postgres",
    feature = "store-redis",
    feature = "store-sqlite"
))]
mod visit;

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Cli, Command},
    failure::Failure,
};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(line) = failure.line() {
                // Where even stderr is closed, the exit code has to say it.
                let _ = writeln!(anstream::stderr(), "{line}");
            }
            failure.exit_code()
        }
    }
}

fn run() -> Result<(), Failure> {
    // Before the parser, whose messages quote what they do not understand.
    if std::env::args_os().any(|arg| arg.to_string_lossy().contains("ssc1_key_")) {
        return Err(Failure::Usage(
            "a key is not an argument: other processes and the shell's history see it. \
             Replace that key, and use --keys FILE or SEALED_SESSION_KEY"
                .to_owned(),
        ));
    }
    let cli = Cli::try_parse().or_else(|error| {
        // A URL may hold a password.
        if error.use_stderr() && error.to_string().contains("://") {
            let text = "a URL stands where none belongs: give it as --store URL";
            return Err(Failure::Usage(text.to_owned()));
        }
        error.exit()
    })?;
    let mut out = BufWriter::new(anstream::stdout().lock());
    match cli.command {
        Command::Keys(command) => keys::run(&command, &mut out),
        Command::Encode(args) => encode::run(&args, &mut out),
        Command::Decode(args) => decode::run(&args, &mut out),
        Command::Revoke(args) => revoke::run(&args, &mut out),
        Command::Inspect(args) => inspect::run(&args, &mut out),
        Command::Compare(args) => compare::run(&args, &mut out),
        Command::Demo => demo::run(&mut out),
    }?;
    Ok(out.flush()?)
}
