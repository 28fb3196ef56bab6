//! Floods of cookies that are refused.

use core::{fmt, time::Duration};
use std::time::Instant;

use crate::{browser::Browser, memory::Memory, shop::Shop};

/// Requests of one kind in a row, before the next kind has its turn.
const BURST: u32 = 100;

pub(crate) struct Report {
    /// Kind, requests, and the median of a burst's nanoseconds per request.
    kinds: Vec<(&'static str, u64, f64)>,
    pub(crate) memory: Memory,
}

/// Sends all kinds in turn, over one connection, as fast as they are answered.
pub(crate) async fn flood(shop: &Shop, length: Duration) -> Report {
    let mut browser = Browser::new(shop.address);
    assert_eq!(browser.send("POST", "/login?ada").await.status, 200);
    assert_eq!(browser.send("POST", "/write?1").await.status, 200);
    let valid = browser.cookie.clone().unwrap();
    let mut bursts: Vec<(&'static str, Option<String>, &str, Vec<f64>)> = cookies(&valid)
        .into_iter()
        .map(|(kind, value)| {
            let expected = if kind == "valid" { "ada 1" } else { " 0" };
            (kind, value, expected, Vec::new())
        })
        .collect();
    let began = Instant::now();
    let mut memory = Memory::default();
    while began.elapsed() < length {
        for (kind, cookie, expected, times) in &mut bursts {
            let started = Instant::now();
            for _ in 0..BURST {
                let reply = browser.send_with("GET", "/read", cookie.as_deref()).await;
                assert_eq!((reply.status, reply.body.as_str()), (200, *expected));
                // A refused cookie is not worth a response header of ours; the valid one is
                // issued anew after a tenth of its idle timeout.
                assert!(*kind == "valid" || !reply.headers.contains_key("set-cookie"));
            }
            times.push(started.elapsed().as_nanos() as f64 / f64::from(BURST));
        }
        memory.note();
    }
    Report {
        kinds: bursts
            .into_iter()
            .map(|(kind, _, _, mut times)| {
                times.sort_unstable_by(f64::total_cmp);
                let requests = times.len() as u64 * u64::from(BURST);
                (kind, requests, times[times.len() / 2])
            })
            .collect(),
        memory,
    }
}

/// `Cookie` headers by kind, the valid one first.
fn cookies(valid: &str) -> Vec<(&'static str, Option<String>)> {
    let header = |value: &str| Some(format!("__Host-session={value}"));
    let flipped = |at: usize| {
        let mut bytes = valid.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let long = "A".repeat(4_000);
    vec![
        ("valid", header(valid)),
        ("none", None),
        ("garbage of 4 kB", header(&"x!".repeat(2_000))),
        ("4 kB of the first letter", header(&long)),
        ("16 kB", header(&"B".repeat(16_000))),
        ("of an unknown key", header(&flipped(5))),
        ("one character changed", header(&flipped(valid.len() / 2))),
        ("one character short", header(&valid[..valid.len() - 1])),
        ("1,000 foreign cookies", Some("a=b; ".repeat(1_000) + "c=d")),
        (
            "4 of ours, all wrong",
            Some(vec![format!("__Host-session={}", flipped(60)); 4].join("; ")),
        ),
    ]
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let valid = self.kinds[0].2;
        for (kind, requests, time) in &self.kinds {
            writeln!(
                f,
                "{kind:26} {requests:>8} requests, {:>6.1} us each, {:.2} of a valid one",
                time / 1_000.0,
                time / valid
            )?;
        }
        write!(f, "{}", self.memory)
    }
}
