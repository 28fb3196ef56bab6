//! The tables of docs/REQUESTS.md, in Markdown.

use core::fmt::{Result, Write};

use crate::{
    program::{FRAMEWORKS, Library, Place, Program, Work},
    turns::{Run, Series},
};

/// Requests that look at no session lose at most this share of a bare one's, ...
const UNTOUCHED: f64 = 0.03;
/// ... and those that read one from the cookie at most this.
const READ: f64 = 0.10;

/// A table for each framework, of servers that are always busy.
pub fn frameworks(text: &mut String, all: &[Series]) -> Result {
    for framework in FRAMEWORKS {
        writeln!(text, "### {}\n", framework.name())?;
        writeln!(
            text,
            "| sessions of | in | session | requests/s | × bare | p50 µs | p99 µs | server's µs a request | more than bare |"
        )?;
        writeln!(text, "|---|---|---|---:|---:|---:|---:|---:|---:|")?;
        for series in all.iter().filter(|it| it.program.framework == framework) {
            writeln!(
                text,
                "| {} | {:.0} | {:.3} | {:.0} | {:.0} | {:.2} | {:.2} |",
                columns(&series.program),
                series.median(throughput),
                series.to_bare(throughput),
                series.median(|run| run.p50),
                series.median(|run| run.p99),
                series.median(busy),
                series.more_than_bare(busy),
            )?;
        }
        writeln!(text)?;
    }
    Ok(())
}

pub fn one_client(text: &mut String, all: &[Series]) -> Result {
    writeln!(text, "### One client at a time\n")?;
    writeln!(
        text,
        "| framework | sessions of | in | session | p50 µs | mean µs | mean × bare's | mean, more than bare's |"
    )?;
    writeln!(text, "|---|---|---|---|---:|---:|---:|---:|")?;
    for series in all {
        writeln!(
            text,
            "| {} | {} | {:.0} | {:.2} | {:.3} | {:.2} |",
            series.program.framework.name(),
            columns(&series.program),
            series.median(|run| run.p50),
            series.median(Run::cycle),
            series.to_bare(Run::cycle),
            series.more_than_bare(Run::cycle),
        )?;
    }
    writeln!(text)
}

pub fn peers(text: &mut String, all: &[Series]) -> Result {
    writeln!(text, "### Beside its peers\n")?;
    writeln!(
        text,
        "| peer | its cookie | session in | session | ours | its requests/s, × the peer's | its server's time a request, × the peer's |"
    )?;
    writeln!(text, "|---|---|---|---|---|---:|---:|")?;
    for (ours, peer) in beside(all) {
        let Program {
            framework,
            library,
            place,
            work,
        } = peer.program;
        writeln!(
            text,
            "| {} on {} | {} | {} | {} | {} | {:.3} | {:.3} |",
            library.name(),
            framework.name(),
            cookie(library),
            place.name(),
            work.name(),
            ours.program.library.name(),
            ours.to_peer(peer, throughput),
            ours.to_peer(peer, busy),
        )?;
    }
    writeln!(text)
}

pub fn aims(text: &mut String, all: &[Series]) -> Result {
    writeln!(text, "### What was aimed at\n")?;
    writeln!(text, "| aim | program | requests/s | reached |")?;
    writeln!(text, "|---|---|---:|---|")?;
    for series in all.iter().filter(|it| it.program.library.is_ours()) {
        let (most, aim) = match (series.program.work, series.program.place) {
            (Work::Untouched, _) => (UNTOUCHED, "untouched within 3 % of bare"),
            (Work::Read, Place::Cookie) => (READ, "read from the cookie within 10 % of bare"),
            _ => continue,
        };
        let ratio = series.to_bare(throughput);
        let reached = yes_or_no(ratio.median >= 1.0 - most);
        let program = series.program;
        writeln!(text, "| {aim} | {program} | × {ratio:.3} | {reached} |")?;
    }
    for (ours, peer) in beside(all) {
        let ratio = ours.to_peer(peer, throughput);
        let reached = yes_or_no(ratio.median > 1.0);
        let cookie = cookie(peer.program.library);
        let (peer, ours) = (peer.program, ours.program);
        writeln!(
            text,
            "| faster than {peer}: {cookie} | {ours} | × {ratio:.3} | {reached} |"
        )?;
    }
    writeln!(text)
}

/// Each of ours beside each peer.
fn beside(all: &[Series]) -> impl Iterator<Item = (&Series, &Series)> {
    all.iter().flat_map(|peer| {
        let ours = peer.program.counterparts();
        let ours = all.iter().filter(move |it| ours.contains(&it.program));
        ours.map(move |ours| (ours, peer))
    })
}

fn columns(program: &Program) -> String {
    let Program {
        library,
        place,
        work,
        ..
    } = program;
    format!("{} | {} | {}", library.name(), place.name(), work.name())
}

/// What a peer does at least of what ours always does.
const fn cookie(peer: Library) -> &'static str {
    if peer.seals_cookie() {
        "sealed, as ours"
    } else {
        "an id that is not sealed"
    }
}

fn yes_or_no(reached: bool) -> &'static str {
    if reached { "yes" } else { "**no**" }
}

fn throughput(run: &Run) -> f64 {
    run.requests_per_second
}

fn busy(run: &Run) -> f64 {
    run.busy
}
