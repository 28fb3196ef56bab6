//! The report on a terminal.

use std::io::{self, Write};

use sealed_session::compare::{Report, properties::Verdict};

use super::{
    format,
    tables::{self, Cell, Table},
};
use crate::style::{BAD, GOOD, QUIET, TITLE, styled};

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if let Some(why) = &report.partial {
        writeln!(out, "{}", styled(BAD, plain(&format!("PARTIAL: {why}"))))?;
    }
    for line in about(report) {
        writeln!(out, "{}", styled(QUIET, line))?;
    }
    let tables = [
        tables::fits(report),
        tables::sizes(report),
        tables::times(report),
        tables::crossings(report),
        tables::costs(report),
        tables::prices(report),
        tables::breaks(report),
    ];
    for table in tables.iter().filter(|table| !table.rows.is_empty()) {
        write_table(table, out)?;
    }
    if !report.properties.is_empty() {
        let title = "What is claimed, and what was found";
        writeln!(out, "\n{}", styled(TITLE, title))?;
    }
    for it in &report.properties {
        let style = match it.verdict {
            Verdict::Holds => GOOD,
            Verdict::DoesNotHold | Verdict::NotRecorded => BAD,
            Verdict::HoldsInPart | Verdict::NotClaimed => TITLE,
        };
        let verdict = styled(style, it.verdict.as_str());
        writeln!(out, "\n{}: {verdict}", styled(TITLE, &it.topic))?;
        let claims = tables::claims(it);
        let lines = [
            ("claimed", claims.as_str()),
            ("cookie", &it.cookie),
            ("store", &it.store),
            ("automatic", &it.automatic),
            ("because", &it.because),
        ];
        for (name, text) in lines.into_iter().filter(|(_, text)| !text.is_empty()) {
            write_wrapped(name, text, out)?;
        }
    }
    if let Some(it) = &report.recommendation {
        let title = format!("Recommended: {}", it.way.as_str());
        writeln!(out, "\n{}", styled(GOOD, title))?;
        write_wrapped("because", &it.because, out)?;
    }
    for it in &report.troubles {
        writeln!(out, "{}", styled(BAD, plain(&format::trouble(it))))?;
    }
    Ok(())
}

/// The machine, and how it was measured.
pub(super) fn about(report: &Report) -> Vec<String> {
    let machine = &report.machine;
    let cpu = machine
        .cpu
        .as_deref()
        .unwrap_or("a processor without a name");
    let mut lines = vec![
        format!(
            "{cpu}, {} cores, {} on {}; stores: {}",
            machine.cores,
            machine.os,
            machine.arch,
            report.method.stores.join(", ")
        ),
        format!(
            "up to {} rounds after {} to warm up; reading the clock takes {:.0} ns of every time",
            report.method.rounds, report.method.warm_up, report.method.clock_nanos
        ),
    ];
    if !machine.optimized {
        lines.push("a debug build: its times say nothing; use --release".to_owned());
    }
    lines
}

fn write_table(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}", styled(TITLE, &table.caption))?;
    let width = |column: usize| {
        let cells = table.rows.iter().filter_map(|row| row.get(column));
        let head = table
            .head
            .get(column)
            .map_or(0, |head| head.chars().count());
        cells
            .map(|cell| cell.text.chars().count())
            .fold(head, usize::max)
    };
    let widths: Vec<usize> = (0..table.head.len()).map(width).collect();
    let head: Vec<Cell> = table
        .head
        .iter()
        .enumerate()
        .map(|(column, head)| Cell {
            text: (*head).to_owned(),
            key: table.rows.first().and_then(|row| row.get(column)?.key),
        })
        .collect();
    writeln!(out, "{}", styled(QUIET, line(&head, &widths)))?;
    for row in &table.rows {
        writeln!(out, "{}", line(row, &widths))?;
    }
    Ok(())
}

/// Numbers to the right, text to the left, nothing after the last.
fn line(row: &[Cell], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, &width)| match cell.key {
        Some(_) => format!("{:>width$}", plain(&cell.text)),
        None => format!("{:<width$}", plain(&cell.text)),
    });
    let line = cells.collect::<Vec<_>>().join("  ");
    line.trim_end().to_owned()
}

/// Nothing that steers a terminal: a name may come from a file's.
fn plain(text: &str) -> String {
    let shown = text.chars();
    shown
        .map(|character| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}

fn write_wrapped(name: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    const WIDTH: usize = 96;
    let mut line = String::new();
    let mut name = name;
    for word in text.split_whitespace() {
        let len = line.chars().count().saturating_add(word.chars().count());
        if len >= WIDTH {
            writeln!(out, "  {} {line}", styled(QUIET, format!("{name:10}")))?;
            (name, line) = ("", String::new());
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&plain(word));
    }
    writeln!(out, "  {} {line}", styled(QUIET, format!("{name:10}")))
}
