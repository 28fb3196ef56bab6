//! `compare`: cookie against store, measured on the reader's own sessions.

mod data;
mod format;
mod html;
mod machine;
mod markdown;
mod plot;
mod progress;
mod tables;
mod text;

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
};

use sealed_session::{
    compare::{
        AllocationCounter, CompareError, Comparison, Effort, Report, Target,
        cost::Load,
        evidence::{Browser, Express, Recorded},
        report::{Allocations, Trouble, TroubleKind},
    },
    store,
};

use crate::{args::CompareArgs, failure::Failure, sealing, store::runtime};
use progress::Watch;

/// What a browser did; the file names the command that recorded it.
const BROWSER: &str = include_str!("../../../tests/evidence/browser.json");
/// What Express did; the file names the command that recorded it.
const EXPRESS: &str = include_str!("../../../tests/evidence/express.json");

pub(crate) fn run(args: &CompareArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let samples = data::samples(args.data.as_deref())?;
    for url in &args.store {
        sealing::store_url(url)?;
    }
    // Before anything is measured that could then not be written.
    let page = args.html.as_deref().map(writable).transpose()?;
    let document = args.markdown.as_deref().map(writable).transpose()?;
    let runtime = runtime()?;
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::Environment(format!("no temporary folder: {}", error.kind())))?;
    let watch = Watch::start()?;
    let (targets, unreached) = runtime.block_on(targets(&args.store, folder.path()))?;

    let mut comparison = Comparison::new()
        .load(load(args))
        .effort(Effort {
            rounds: args.rounds,
            ..Effort::default()
        })
        .machine(machine::machine())
        .recorded(recorded()?)
        .allocations(Counter)
        .on_progress(watch.listener());
    if args.copies_may_outlive_logout {
        comparison = comparison.copies_may_outlive_logout();
    }
    if args.without_claims {
        comparison = comparison.without_claims();
    }
    for sample in samples {
        comparison = comparison.sample(sample);
    }
    for target in targets {
        comparison = comparison.target(target);
    }
    let report = runtime.block_on(comparison.run());
    watch.finish();
    let mut report = report.map_err(failure)?;
    report.troubles.splice(0..0, unreached);

    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        text::write(&report, out)?;
    }
    out.flush()?;
    if let (Some(file), Some(path)) = (page, &args.html) {
        write(file, path, &html::page(&report))?;
    }
    if let (Some(file), Some(path)) = (document, &args.markdown) {
        write(file, path, &markdown::document(&report))?;
    }
    outcome(&report)
}

/// The stores to measure, and those that could not be reached: the others are measured all
/// the same.
async fn targets(urls: &[String], folder: &Path) -> Result<(Vec<Target>, Vec<Trouble>), Failure> {
    let mut targets = vec![Target::memory(), Target::sqlite(folder).await?];
    let mut unreached = Vec::new();
    for url in urls {
        let kind = match url.split_once(':').unwrap_or_default().0 {
            "sqlite" => "SQLite",
            "postgres" | "postgresql" => "PostgreSQL",
            "redis" | "rediss" => "Redis",
            _ => "Redis Cluster",
        };
        // Not the host's name: the report may be shown around.
        let taken = |name: &str| targets.iter().any(|target| target.name() == name);
        let numbered = (2..).map(|number: u32| format!("{kind} {number}"));
        let mut names = std::iter::once(kind.to_owned()).chain(numbered);
        let name = names.find(|name| !taken(name)).unwrap_or_default();
        match store::connect(url).await {
            Ok(store) => targets.push(Target::new(name, store)),
            Err(error) => {
                let line = Failure::from(error).line().unwrap_or_default();
                unreached.push(Trouble {
                    sample: None,
                    way: None,
                    store: Some(name),
                    kind: TroubleKind::Environment,
                    text: line.trim_start_matches("error: ").to_owned(),
                });
            }
        }
    }
    Ok((targets, unreached))
}

fn load(args: &CompareArgs) -> Load {
    Load {
        users: args.users,
        requests_per_second: args.requests_per_second,
        writes_per_request: args.writes_per_request,
        round_trip_millis: args.round_trip_ms,
        uplink_megabits: args.uplink_mbit,
        logouts_per_session: args.logouts_per_session,
    }
}

fn recorded() -> Result<Recorded, Failure> {
    let broken = |_| Failure::Environment("the recorded evidence cannot be read".to_owned());
    let browser: Option<Browser> = serde_json::from_str(BROWSER).map_err(broken)?;
    let express: Option<Express> = serde_json::from_str(EXPRESS).map_err(broken)?;
    let mut recorded = Recorded::none();
    if let Some(browser) = browser {
        recorded = recorded.with_browser(browser);
    }
    if let Some(express) = express {
        recorded = recorded.with_express(express);
    }
    Ok(recorded)
}

/// Counts by the allocator that the crate `allocation-counter` brings.
struct Counter;

impl AllocationCounter for Counter {
    fn count(&self, work: &mut dyn FnMut()) -> Allocations {
        let counted = allocation_counter::measure(work);
        Allocations {
            count: counted.count_total,
            bytes: counted.bytes_total,
        }
    }
}

/// The file, without touching what may be in it.
fn writable(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    file.map_err(|error| unwritable(path, &error))
}

fn write(mut file: File, path: &Path, text: &str) -> Result<(), Failure> {
    // Not every file can be cut: /dev/stdout, say.
    let _ = file.set_len(0);
    let written = file.write_all(text.as_bytes());
    written.map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    let kind = error.kind();
    Failure::Environment(format!("{} cannot be written: {kind}", path.display()))
}

fn failure(error: CompareError) -> Failure {
    match error {
        CompareError::Load(_) | CompareError::NoSample => Failure::Usage(error.to_string()),
        CompareError::Seal(error) => error.into(),
        CompareError::Manager(error) => error.into(),
        error => Failure::Environment(error.to_string()),
    }
}

/// The report has been given; this is whether it is whole.
fn outcome(report: &Report) -> Result<(), Failure> {
    let worst = report.troubles.iter();
    let environment = |it: &&Trouble| it.kind == TroubleKind::Environment;
    let first = worst.clone().find(environment).or(worst.clone().next());
    if let Some(trouble) = first {
        let more = match report.troubles.len().saturating_sub(1) {
            0 => String::new(),
            more => format!(" (and {more} more, which the report lists)"),
        };
        let line = format!("{}{more}", format::trouble(trouble));
        return Err(match trouble.kind {
            TroubleKind::Session => Failure::Refused(line),
            TroubleKind::Environment => Failure::Environment(line),
        });
    }
    match &report.partial {
        Some(why) => Err(Failure::Environment(format!(
            "the report is partial: {why}"
        ))),
        None => Ok(()),
    }
}
