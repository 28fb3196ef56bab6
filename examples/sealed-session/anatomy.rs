//! A drawing of a token: which bytes are what, and what they cost.

use core::ops::Range;
use std::io::Write;

use sealed_session::token::{MAX_COOKIE_LEN, SuiteId, UntrustedToken};

use crate::{
    failure::Failure,
    style::{GOOD, PARTS, QUIET, TITLE, grouped, styled},
};

/// Characters of the token in a line of its drawing.
const ROW: usize = 64;
/// Cells of the bar that shows how full the cookie is.
const BAR: usize = 64;

struct Part {
    letter: char,
    name: &'static str,
    bytes: Range<usize>,
    note: String,
    style: anstyle::Style,
}

/// The parts of a token, in order and without gaps.
pub(crate) struct Anatomy {
    parts: Vec<Part>,
}

impl Anatomy {
    /// Of a token whose claims and body only the key could tell apart.
    pub(crate) fn of(token: &UntrustedToken) -> Self {
        let note = match token.suite() {
            SuiteId::Signed => "signed only: anybody reads it",
            _ => "sealed: only the key opens it",
        };
        Self::new(
            token,
            [("claims, body", token.content_len(), note), NOTHING],
        )
    }

    /// Of a token whose claims are known to take that many bytes.
    pub(crate) fn with_claims(token: &UntrustedToken, claims: usize) -> Self {
        let body = token.content_len().saturating_sub(claims);
        Self::new(
            token,
            [
                ("claims", claims, "when it ends, its id, whose it is"),
                ("body", body, "the session"),
            ],
        )
    }

    fn new(token: &UntrustedToken, content: [(&'static str, usize, &str); 2]) -> Self {
        let suite = match token.suite() {
            SuiteId::Encrypted => "1: encrypted, XAES-256-GCM",
            SuiteId::Signed => "2: signed, HMAC-SHA-256",
            SuiteId::Record => "3: a row of a store, AES-256-GCM",
            _ => "unknown",
        };
        let id = token.key_id().to_string();
        let id = format!("{}… names the key", id.get(..8).unwrap_or_default());
        let nonce = token.nonce().map_or(0, <[u8]>::len);
        let [first, second] = content;
        let fixed = [
            ("suite", 1, suite),
            ("key id", 16, &id),
            ("nonce", nonce, "random, new for each seal"),
            first,
            second,
            ("tag", usize::MAX, "only the key can make it"),
        ];
        let mut parts = Vec::new();
        let mut start: usize = 0;
        for ((name, len, note), style) in fixed.into_iter().zip(PARTS) {
            let end = start.saturating_add(len).min(token.len());
            if start < end {
                let letter = ('a'..).nth(parts.len()).unwrap_or('?');
                let (bytes, note) = (start..end, note.to_owned());
                parts.push(Part {
                    letter,
                    name,
                    bytes,
                    note,
                    style,
                });
            }
            start = end;
        }
        Self { parts }
    }

    /// One line for each part. The characters add up to those of the token.
    pub(crate) fn table(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let head = format!(
            "     {:12}  {:>10}  {:>6}  {:>5}",
            "", "bytes", "length", "chars"
        );
        writeln!(out, "{}", styled(QUIET, head))?;
        for part in &self.parts {
            let Range { start, end } = part.bytes;
            let characters = text_len(end).saturating_sub(text_len(start));
            writeln!(
                out,
                "  {}  {:12}  {:>10}  {:>6}  {characters:>5}  {}",
                styled(part.style, part.letter),
                part.name,
                format!("{start}..{end}"),
                end.saturating_sub(start),
                part.note,
            )?;
        }
        Ok(())
    }

    /// The text itself, its beginning and its end, with the part's letter below each
    /// character.
    pub(crate) fn text(&self, value: &str, out: &mut dyn Write) -> Result<(), Failure> {
        let rows: Vec<(usize, &str)> = value
            .as_bytes()
            .chunks(ROW)
            .enumerate()
            .filter_map(|(row, chunk)| {
                Some((row.saturating_mul(ROW), core::str::from_utf8(chunk).ok()?))
            })
            .collect();
        let hidden = rows.len().saturating_sub(3);
        for (row, (start, chunk)) in rows.iter().enumerate() {
            if hidden < 2 || row < 2 || row == rows.len().saturating_sub(1) {
                self.row(*start, chunk, out)?;
            } else if row == 2 {
                writeln!(out, "  {}", styled(QUIET, format!("⋮ {hidden} lines more")))?;
            }
        }
        Ok(())
    }

    fn row(&self, start: usize, chunk: &str, out: &mut dyn Write) -> Result<(), Failure> {
        let (mut text, mut letters) = (String::from("  "), String::from("  "));
        for part in &self.parts {
            let of_part = |position: &usize| {
                let byte = start.saturating_add(*position).saturating_mul(3) / 4;
                part.bytes.contains(&byte)
            };
            let shown: String = chunk
                .chars()
                .enumerate()
                .filter(|(position, _)| of_part(position))
                .map(|(_, character)| character)
                .collect();
            if shown.is_empty() {
                continue;
            }
            let below = part.letter.to_string().repeat(shown.len());
            text.push_str(&styled(part.style.bold(), shown));
            letters.push_str(&styled(part.style.dimmed(), below));
        }
        writeln!(out, "{text}\n{letters}")?;
        Ok(())
    }
}

/// How much of what browsers keep the cookie takes.
pub(crate) fn budget(name: &str, value: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let used = name.len().saturating_add(value.len());
    let share = |of: usize| used.saturating_mul(of).div_ceil(MAX_COOKIE_LEN).min(of);
    let full = share(BAR);
    writeln!(
        out,
        "  {}{}  {:>3} %",
        styled(GOOD, "█".repeat(full)),
        styled(QUIET, "░".repeat(BAR.saturating_sub(full))),
        used.saturating_mul(100).div_ceil(MAX_COOKIE_LEN),
    )?;
    writeln!(
        out,
        "  {} of {} bytes with the name {}; {} are left",
        styled(TITLE, grouped(used)),
        grouped(MAX_COOKIE_LEN),
        name,
        grouped(MAX_COOKIE_LEN.saturating_sub(used)),
    )?;
    Ok(())
}

const NOTHING: (&str, usize, &str) = ("", 0, "");

/// How many characters of base64url that many bytes begin.
fn text_len(bytes: usize) -> usize {
    bytes.saturating_mul(4).div_ceil(3)
}
