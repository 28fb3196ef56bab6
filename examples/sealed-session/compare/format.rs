//! Numbers and names as people read them.

use sealed_session::compare::report::{Latency, Trouble, Way};

/// `9.8 µs`.
pub(super) fn time(nanos: f64) -> String {
    match nanos {
        nanos if nanos < 999.5 => format!("{nanos:.0} ns"),
        nanos if nanos < 999_500.0 => format!("{} µs", three(nanos / 1e3)),
        nanos if nanos < 999_500_000.0 => format!("{} ms", three(nanos / 1e6)),
        nanos => format!("{} s", three(nanos / 1e9)),
    }
}

/// `9.8 µs (7.2–13.0)`: the median and the spread, in one unit.
pub(super) fn spread(latency: &Latency) -> String {
    let unit = match latency.p50 {
        p50 if p50 < 999.5 => 1.0,
        p50 if p50 < 999_500.0 => 1e3,
        p50 if p50 < 999_500_000.0 => 1e6,
        _ => 1e9,
    };
    let (low, high) = (three(latency.low / unit), three(latency.high / unit));
    format!("{} ({low}–{high})", time(latency.p50))
}

/// `1.4 GB`, in powers of 1000.
pub(super) fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 999.5 {
        return format!("{bytes:.0} B");
    }
    let mut rest = bytes;
    let mut unit = "";
    for next in UNITS {
        if rest < 999.5 {
            break;
        }
        rest /= 1e3;
        unit = next;
    }
    format!("{} {unit}", three(rest))
}

/// `3.2 million`.
pub(super) fn count(number: f64) -> String {
    match number {
        number if number >= 999.5e6 => format!("{} billion", three(number / 1e9)),
        number if number >= 999.5e3 => format!("{} million", three(number / 1e6)),
        number if number >= 99.5 || number.fract() == 0.0 => grouped(&format!("{number:.0}")),
        number => three(number),
    }
}

/// About three digits that count.
pub(super) fn three(number: f64) -> String {
    match number.abs() {
        size if size >= 99.95 => grouped(&format!("{number:.0}")),
        size if size >= 9.995 => format!("{number:.1}"),
        size if size >= 0.0995 || size == 0.0 => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    }
}

/// `1,234,567`.
pub(super) fn grouped(digits: &str) -> String {
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| core::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

/// `automatic, SQLite`.
pub(super) fn strategy(way: Way, store: Option<&str>) -> String {
    match store {
        Some(store) => format!("{}, {store}", way.as_str()),
        None => way.as_str().to_owned(),
    }
}

/// The text with its first letter large.
pub(super) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}

/// One line.
pub(super) fn trouble(trouble: &Trouble) -> String {
    let way = trouble.way.map(Way::as_str);
    let about = [trouble.store.as_deref(), trouble.sample.as_deref(), way];
    let about: Vec<&str> = about
        .into_iter()
        .flatten()
        .filter(|it| !it.is_empty())
        .collect();
    let text: Vec<&str> = trouble.text.split_whitespace().collect();
    match about.as_slice() {
        [] => text.join(" "),
        about => format!("{}: {}", about.join(", "), text.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_unit_and_about_three_digits() {
        for (nanos, text) in [
            (12.3, "12 ns"),
            (1_234.0, "1.23 µs"),
            (98_760.0, "98.8 µs"),
            (999_600.0, "1.00 ms"),
            (2.5e9, "2.50 s"),
        ] {
            assert_eq!(time(nanos), text);
        }
        for (number, text) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (1_000.0, "1.00 kB"),
            (123_456_789.0, "123 MB"),
            (5e21, "5,000 EB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        for (number, text) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (1_000.0, "1,000"),
            (1e9, "1.00 billion"),
        ] {
            assert_eq!(count(number), text);
        }
    }
}
