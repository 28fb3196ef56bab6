//! The figures, as docs/REQUESTS.md has them.

use core::fmt::Write as _;
use std::{fs, path::Path};

use crate::{
    Result, layer, machine,
    measure::{Conditions, Series},
    program::{self, Library, Place, Program, Work},
    statistics::Spread,
    wrk,
};

/// Requests that look at no session lose at most this share of a bare one's, ...
const UNTOUCHED: f64 = 0.03;
/// ... and those that read one from the cookie at most this.
const READ: f64 = 0.10;

pub fn markdown(all: &[Series], layer: &layer::Figures, conditions: &Conditions) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = conditions_of(&mut text, conditions);
    let _ = programs(&mut text, all);
    let _ = peers(&mut text, all);
    let _ = targets(&mut text, all);
    let _ = writeln!(text, "### The layer alone\n\n{layer}");
    text
}

fn conditions_of(text: &mut String, conditions: &Conditions) -> core::fmt::Result {
    let Conditions {
        rounds,
        seconds,
        pinned,
        load: [before, after],
    } = conditions;
    writeln!(text, "`scripts/bench-requests.sh {rounds} {seconds}`\n")?;
    writeln!(text, "* {}", machine::describe())?;
    let placed = if *pinned {
        "the server alone on the first processor; wrk and Redis on the others"
    } else {
        "the system chose the processors"
    };
    writeln!(
        text,
        "* {placed}; load of the minute before and after: {before}, {after}"
    )?;
    writeln!(
        text,
        "* wrk with one thread and {} connections, {rounds} interleaved rounds of {seconds} s",
        wrk::CONNECTIONS
    )?;
    let redis = machine::first_line("redis-server", &["--version"]);
    let redis = redis.split(' ').find_map(|word| word.strip_prefix("v="));
    let mut versions: Vec<String> = VERSIONS.iter().map(|name| version(name)).collect();
    versions.extend(redis.map(|version| format!("Redis {version}")));
    writeln!(text, "* {}\n", versions.join(", "))
}

/// Whose versions matter.
const VERSIONS: [&str; 11] = [
    "actix-session",
    "actix-web",
    "axum",
    "axum-extra",
    "hyper",
    "poem",
    "rocket",
    "salvo_core",
    "tokio",
    "tower-sessions",
    "tower-sessions-redis-store",
];

/// The versions of a package in this package's lock file.
fn version(name: &str) -> String {
    let line = format!("name = \"{name}\"");
    let lines: Vec<&str> = include_str!("../Cargo.lock").lines().collect();
    let versions = lines.windows(2).filter(|pair| pair[0] == line);
    let versions = versions.filter_map(|pair| pair[1].strip_prefix("version = "));
    let versions: Vec<&str> = versions.map(|version| version.trim_matches('"')).collect();
    format!("{name} {}", versions.join(" and "))
}

fn programs(text: &mut String, all: &[Series]) -> core::fmt::Result {
    for framework in program::FRAMEWORKS {
        writeln!(text, "### {}\n", framework.name())?;
        writeln!(
            text,
            "| sessions of | in | session | requests/s | × bare | p50 µs | p99 µs | server's µs a request | more than bare |"
        )?;
        writeln!(text, "|---|---|---|---:|---:|---:|---:|---:|---:|")?;
        let of_framework = all.iter().filter(|it| it.program.framework == framework);
        for series in of_framework {
            let Program {
                library,
                place,
                work,
                ..
            } = series.program;
            let Some(bare) = find(all, &Program::bare(framework)) else {
                continue;
            };
            writeln!(
                text,
                "| {} | {} | {} | {:.0} | {:.3} | {:.0} | {:.0} | {:.2} | {:.2} |",
                library.name(),
                place.name(),
                work.name(),
                spread(&series.requests_per_second).median,
                throughput(series, bare),
                spread(&series.p50).median,
                spread(&series.p99).median,
                spread(&series.busy).median,
                Spread::of_differences(&series.busy, &bare.busy),
            )?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn peers(text: &mut String, all: &[Series]) -> core::fmt::Result {
    writeln!(text, "### Beside its peers, at the same work\n")?;
    writeln!(
        text,
        "| peer | in | session | sealed-session's requests/s, × the peer's | its server's time a request, × the peer's |"
    )?;
    writeln!(text, "|---|---|---|---:|---:|")?;
    for peer in all {
        let Some(ours) = peer.program.counterpart().and_then(|it| find(all, &it)) else {
            continue;
        };
        writeln!(
            text,
            "| {} on {} | {} | {} | {:.3} | {:.3} |",
            peer.program.library.name(),
            peer.program.framework.name(),
            peer.program.place.name(),
            peer.program.work.name(),
            throughput(ours, peer),
            Spread::of_ratios(&ours.busy, &peer.busy),
        )?;
    }
    writeln!(text)
}

fn targets(text: &mut String, all: &[Series]) -> core::fmt::Result {
    writeln!(text, "### What was aimed at\n")?;
    writeln!(text, "| aim | program | requests/s | reached |")?;
    writeln!(text, "|---|---|---:|---|")?;
    for series in all.iter().filter(|it| it.program.library == Library::Ours) {
        let (most, aim) = match (series.program.work, series.program.place) {
            (Work::Untouched, _) => (UNTOUCHED, "untouched within 3 % of bare"),
            (Work::Read, Place::Cookie) => (READ, "read from the cookie within 10 % of bare"),
            _ => continue,
        };
        let Some(bare) = find(all, &Program::bare(series.program.framework)) else {
            continue;
        };
        let ratio = throughput(series, bare);
        let reached = yes_or_no(ratio.median >= 1.0 - most);
        writeln!(
            text,
            "| {aim} | {} | × {ratio:.3} | {reached} |",
            series.program
        )?;
    }
    for peer in all {
        if let Some(ours) = peer.program.counterpart().and_then(|it| find(all, &it)) {
            let ratio = throughput(ours, peer);
            let reached = yes_or_no(ratio.median > 1.0);
            let (peer, ours) = (peer.program, ours.program);
            writeln!(
                text,
                "| faster than {peer} | {ours} | × {ratio:.3} | {reached} |"
            )?;
        }
    }
    writeln!(text)
}

fn yes_or_no(reached: bool) -> &'static str {
    if reached { "yes" } else { "**no**" }
}

fn throughput(series: &Series, to: &Series) -> Spread {
    Spread::of_ratios(&series.requests_per_second, &to.requests_per_second)
}

fn spread(figures: &[f64]) -> Spread {
    Spread::of(figures.iter().copied())
}

fn find<'a>(all: &'a [Series], program: &Program) -> Option<&'a Series> {
    all.iter().find(|series| series.program == *program)
}

/// Puts the figures between the marks in docs/REQUESTS.md.
pub fn write(report: &str) -> Result {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/REQUESTS.md");
    let document = replace(&fs::read_to_string(&path)?, report);
    fs::write(path, document.ok_or("docs/REQUESTS.md has lost its marks")?)?;
    Ok(())
}

fn replace(document: &str, report: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!(
        "{before}{BEGIN}\n\n{}\n\n{END}{after}",
        report.trim()
    ))
}

const BEGIN: &str = "<!-- begin: scripts/bench-requests.sh --write -->";
const END: &str = "<!-- end -->";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_replaced() {
        let document = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = replace(&document, "new\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\n\nnew\n\n{END}\nb\n"));
        assert_eq!(replace(&new, "new\n").unwrap(), new);
        assert!(replace("no marks", "new").is_none());
    }

    #[test]
    fn the_lock_file_tells_versions() {
        assert!(version("axum").starts_with("axum 0.8."));
        assert_eq!(version("tower-sessions").matches(" and ").count(), 1);
    }
}
