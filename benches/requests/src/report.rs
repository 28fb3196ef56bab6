//! The part of docs/REQUESTS.md that is measured.

use core::fmt::Write as _;
use std::{fs, path::Path};

use crate::{
    Result, machine,
    measure::{Measured, Plan},
    tables, wrk,
};

pub fn markdown(measured: &Measured) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = conditions(&mut text, measured);
    let _ = tables::frameworks(&mut text, &measured.saturated);
    let _ = tables::one_client(&mut text, &measured.one_client);
    let _ = tables::peers(&mut text, &measured.saturated);
    let _ = tables::aims(&mut text, &measured.saturated);
    let _ = writeln!(text, "### The layer alone\n\n{}", measured.layer);
    text
}

fn conditions(text: &mut String, measured: &Measured) -> core::fmt::Result {
    let Plan {
        rounds,
        few_rounds,
        seconds,
        ..
    } = measured.plan;
    let [before, after] = &measured.load;
    writeln!(text, "`scripts/bench-requests.sh {rounds} {seconds}`\n")?;
    writeln!(text, "* {}", machine::describe())?;
    let placed = if measured.pinned {
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
        "* wrk with one thread and {} connections: {rounds} rounds of runs of {seconds} s, each \
         between two runs of the bare program; with one connection {few_rounds} rounds",
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
