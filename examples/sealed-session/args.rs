//! The command line.

use core::time::Duration;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use sealed_session::time::Timestamp;

/// The variable that holds a key or a ring file's text.
pub(crate) const KEY_VARIABLE: &str = "SEALED_SESSION_KEY";

/// Web sessions sealed in a cookie.
#[derive(Parser)]
#[command(
    name = "sealed-session",
    version,
    after_help = "\
Examples:
  sealed-session demo
  sealed-session keys new --out ring.toml
  echo '{\"user\":42}' | sealed-session encode --keys ring.toml
  sealed-session decode --keys ring.toml < cookie.txt

Exit codes: 0 done; 1 the token does not open, or the session does not fit;
2 wrong usage; 3 a file, a key ring, a store or the output failed."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make, rotate and list the keys of a ring file
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Seal the JSON object on stdin into a cookie value
    #[command(
        visible_alias = "seal",
        after_help = "\
Examples:
  echo '{\"user\":42}' | sealed-session encode --keys ring.toml
  sealed-session encode --keys ring.toml --set-cookie --subject 42 < session.json
  SEALED_SESSION_KEY=$(cat ring.toml) sealed-session encode < session.json
  sealed-session encode --keys ring.toml --store sqlite://sessions.db < large.json

With --store, a session that does not fit the cookie becomes a row of the store,
and what is printed refers to it. The store needs its feature:
  cargo run -r --features store-sqlite --example sealed-session -- encode ..."
    )]
    Encode(EncodeArgs),
    /// Open a cookie value and print the session as JSON
    #[command(
        visible_alias = "open",
        after_help = "\
Examples:
  sealed-session decode --keys ring.toml < cookie.txt
  sealed-session decode --keys ring.toml --claims AQ2mrB...
  sealed-session decode --keys ring.toml --at 2026-11-22T09:00:00Z < cookie.txt
  sealed-session decode --keys ring.toml --store sqlite://sessions.db < cookie.txt

With --store, a reference is opened too, and what was revoked is refused. The
store is only read."
    )]
    Decode(DecodeArgs),
    /// End a session or all sessions of a user, whoever holds copies of the cookie
    #[command(after_help = "\
Examples:
  sealed-session revoke --keys ring.toml --store sqlite://sessions.db < cookie.txt
  sealed-session revoke --keys ring.toml --store redis://cache --user 42

Give the application's --name, --context and --idle. The list of revocations
keeps the entry for as long as any session can live, whatever --absolute says.")]
    Revoke(RevokeArgs),
    /// Show what can be known of a cookie value without any key
    #[command(after_help = "\
Examples:
  sealed-session inspect < cookie.txt
  sealed-session inspect --name __Host-cart AQ2mrB...")]
    Inspect(InspectArgs),
    /// Measure cookie against store on your own sessions, and compare what is claimed of them
    #[command(after_help = "\
Examples:
  sealed-session compare
  sealed-session compare --data session.json --html report.html
  sealed-session compare --data sessions/ --store redis://cache --users 2000000 --json

Without --data it takes the sessions of this project's own tests. A store in memory
and a SQLite file in a temporary folder are always measured. A store of yours gets
rows that are deleted at the end; nothing in it is revoked. Ctrl-C leaves a partial
report that says so, with exit code 3.

It needs its feature:
  cargo run --release --features compare --example sealed-session -- compare")]
    Compare(CompareArgs),
    /// Show a session's life: sealed, opened, altered, rotated, expired, stored
    #[command(after_help = "\
Example:
  sealed-session demo

It needs no configuration: its keys are thrown away, its clock is its own.")]
    Demo,
}

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a ring file with one fresh key that seals from now on
    #[command(after_help = "\
Examples:
  sealed-session keys new --out ring.toml
  sealed-session keys new | ssh server 'umask 077; cat > ring.toml'

Without --out the secret is printed: send it where only the servers read it.")]
    New {
        /// Write to this file, readable by its owner only; it must not exist
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Add a fresh key to a ring file, and retire the one before
    #[command(after_help = "\
Examples:
  sealed-session keys rotate ring.toml
  sealed-session keys rotate ring.toml --activate-in 1h --idle 30m
  sealed-session keys rotate --emergency ring.toml

A planned rotation logs nobody out. --emergency is for a leaked key: it logs
everybody out.")]
    Rotate(RotateArgs),
    /// List the keys of a ring file and what they do now; never their secrets
    #[command(after_help = "\
Examples:
  sealed-session keys list ring.toml
  sealed-session keys list ring.toml --at 2026-12-24T00:00:00Z")]
    List {
        /// The ring file
        file: PathBuf,
        /// Show the roles of that instant instead of now (RFC 3339)
        #[arg(long, value_name = "TIME", value_parser = instant)]
        at: Option<Timestamp>,
    },
}

#[derive(Args)]
pub(crate) struct RotateArgs {
    /// The ring file
    pub(crate) file: PathBuf,
    /// When the new key begins to seal: by then every server must have the file
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    pub(crate) activate_in: Duration,
    /// The longest idle timeout of any session: how long the old key still opens
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    pub(crate) idle: Duration,
    /// Close every old key at once and log everybody out
    #[arg(long, conflicts_with_all = ["activate_in", "idle"])]
    pub(crate) emergency: bool,
}

/// What `encode` and `decode` must agree on.
#[derive(Args, Clone)]
pub(crate) struct SealingArgs {
    #[arg(
        long,
        value_name = "FILE",
        help = "The ring file; without it, SEALED_SESSION_KEY holds a key or a ring file's text"
    )]
    pub(crate) keys: Option<PathBuf>,
    /// The cookie's name, which is part of the key
    #[arg(long, default_value = "__Host-session")]
    pub(crate) name: String,
    /// The application's context, which is part of the key
    #[arg(long, default_value = "sealed-session")]
    pub(crate) context: String,
    /// A session ends when it is unused for that long: 30s, 15m, 12h, 30d
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    pub(crate) idle: Duration,
    /// A session ends that long after it began, in any case
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    pub(crate) absolute: Duration,
    /// Signed instead of encrypted: everybody can read the session
    #[arg(long)]
    pub(crate) signed: bool,
    /// Act as if it were that instant (RFC 3339), for tests and forensics
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) at: Option<Timestamp>,
}

#[derive(Args)]
pub(crate) struct EncodeArgs {
    #[command(flatten)]
    pub(crate) sealing: SealingArgs,
    /// Print the whole header line
    #[arg(long)]
    pub(crate) set_cookie: bool,
    /// Whose session it is; a hash of it stands in the token
    #[arg(long, value_name = "USER")]
    pub(crate) subject: Option<String>,
    /// The most bytes that name and value may take together: 4096, or 3300 with --store
    #[arg(long, value_name = "BYTES")]
    pub(crate) limit: Option<usize>,
    /// Where a session goes that does not fit: sqlite://, postgres://, redis://, ...
    #[arg(long, value_name = "URL", conflicts_with = "signed")]
    pub(crate) store: Option<String>,
}

#[derive(Args)]
pub(crate) struct DecodeArgs {
    #[command(flatten)]
    pub(crate) sealing: SealingArgs,
    /// Print the claims beside the data
    #[arg(long)]
    pub(crate) claims: bool,
    /// Where sessions are that did not fit: sqlite://, postgres://, redis://, ...
    #[arg(long, value_name = "URL", conflicts_with = "signed")]
    pub(crate) store: Option<String>,
    /// The cookie value; read from stdin if it is not given
    pub(crate) value: Option<String>,
}

#[derive(Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    pub(crate) sealing: SealingArgs,
    /// The application's store: sqlite://, postgres://, redis://, ...
    #[arg(long, value_name = "URL", conflicts_with = "signed")]
    pub(crate) store: String,
    /// End all sessions of that user that have begun by now
    #[arg(long, value_name = "USER", conflicts_with = "value")]
    pub(crate) user: Option<String>,
    /// The cookie value; read from stdin if neither it nor --user is given
    pub(crate) value: Option<String>,
}

#[derive(Args)]
pub(crate) struct InspectArgs {
    /// The cookie's name, which counts towards the 4096 bytes
    #[arg(long, default_value = "__Host-session")]
    pub(crate) name: String,
    /// The cookie value; read from stdin if it is not given
    pub(crate) value: Option<String>,
}

#[derive(Args)]
pub(crate) struct CompareArgs {
    /// Sessions as JSON: a file with an object or an array of objects, or a folder of such files
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A store to measure beside the embedded ones; may be repeated
    #[arg(long, value_name = "URL")]
    pub(crate) store: Vec<String>,
    /// Users who are logged in at the same time
    #[arg(long, value_name = "N", default_value_t = 100_000.0)]
    pub(crate) users: f64,
    /// Requests with a session, of all users together
    #[arg(long, value_name = "R", default_value_t = 1_000.0)]
    pub(crate) requests_per_second: f64,
    /// Which part of the requests changes the session, 0 to 1
    #[arg(long, value_name = "W", default_value_t = 0.1)]
    pub(crate) writes_per_request: f64,
    /// Milliseconds to the store and back, on top of what is measured
    #[arg(long, value_name = "T", default_value_t = 0.5)]
    pub(crate) round_trip_ms: f64,
    /// What a browser sends in a second, in megabits
    #[arg(long, value_name = "M", default_value_t = 10.0)]
    pub(crate) uplink_mbit: f64,
    /// Which part of the sessions ends by a logout, 0 to 1
    #[arg(long, value_name = "L", default_value_t = 0.1)]
    pub(crate) logouts_per_session: f64,
    /// A copied cookie may live until it expires, also after a logout
    #[arg(long)]
    pub(crate) copies_may_outlive_logout: bool,
    /// Leave out the table of claims
    #[arg(long)]
    pub(crate) without_claims: bool,
    /// The most rounds in which all take turns
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rounds: u32,
    /// Print the whole report as JSON (docs/compare.schema.json) instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the report as one self-contained page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write the report as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
}

/// `30s`, `15m`, `12h`, `30d`.
fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    UNITS
        .iter()
        .find_map(|&(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
        .filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|(number, seconds)| number.parse::<u64>().ok()?.checked_mul(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| "not a duration such as 30s, 15m, 12h or 30d".to_owned())
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text)
        .ok_or_else(|| "not an instant such as 2026-11-22T09:00:00Z (RFC 3339)".to_owned())
}
