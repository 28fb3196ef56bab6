//! Colours and numbers. `anstream` drops the colours where nobody would see them.

use core::time::Duration;

use anstyle::{AnsiColor, Style};

pub(crate) const TITLE: Style = Style::new().bold();
pub(crate) const QUIET: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const NEW: Style = AnsiColor::Cyan.on_default();

/// One for each part of a token, in order.
pub(crate) const PARTS: [Style; 6] = [
    AnsiColor::Yellow.on_default(),
    AnsiColor::Cyan.on_default(),
    AnsiColor::Blue.on_default(),
    AnsiColor::Magenta.on_default(),
    AnsiColor::Green.on_default(),
    AnsiColor::Red.on_default(),
];

/// The text in that style.
pub(crate) fn styled(style: Style, text: impl core::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| core::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

/// In the largest unit that divides it, and one day in hours: `90m`, `24h`, `30d`.
pub(crate) fn span(duration: Duration) -> String {
    const UNITS: [(u64, char); 3] = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    let seconds = duration.as_secs();
    UNITS
        .iter()
        .filter(|(_, letter)| *letter != 'd' || seconds != 86_400)
        .find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit))
        .and_then(|(unit, letter)| Some(format!("{}{letter}", seconds.checked_div(*unit)?)))
        .unwrap_or_else(|| format!("{seconds}s"))
}
