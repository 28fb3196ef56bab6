//! One run of wrk.

use std::{net::SocketAddr, process::Command};

use crate::Result;

/// Connections that keep a server busy, from one thread.
pub const CONNECTIONS: u32 = 16;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    pub requests: f64,
    pub requests_per_second: f64,
    /// Microseconds, and whole ones.
    pub p50: f64,
    pub p99: f64,
}

/// Fails where a single request was answered with anything but 2xx or 3xx, or not at all.
pub fn run(address: SocketAddr, cookie: &str, connections: u32, seconds: u32) -> Result<Figures> {
    let output = Command::new("wrk")
        .args(["-t1", "--latency"])
        .arg(format!("-c{connections}"))
        .arg(format!("-d{seconds}s"))
        .args(["-H", &format!("Cookie: {cookie}")])
        .arg(format!("http://{address}/"))
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let failed =
        !output.status.success() || text.contains("Non-2xx") || text.contains("Socket errors");
    let figures = (!failed).then(|| parse(&text)).flatten();
    figures.ok_or_else(|| format!("wrk: {text}{}", String::from_utf8_lossy(&output.stderr)).into())
}

fn parse(text: &str) -> Option<Figures> {
    let after = |label: &str| {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix(label));
        line.map(str::trim)
    };
    let requests = text
        .lines()
        .find_map(|line| line.split_once(" requests in "));
    Some(Figures {
        requests: requests?.0.trim().parse().ok()?,
        requests_per_second: after("Requests/sec:")?.parse().ok()?,
        p50: microseconds(after("50%")?)?,
        p99: microseconds(after("99%")?)?,
    })
}

fn microseconds(text: &str) -> Option<f64> {
    // `us` and `ms` before `s`, which ends them too.
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 6e7)];
    let (number, unit) = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    Some(number.parse::<f64>().ok()? * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_prints_is_read() {
        let text = "Running 2s test @ http://127.0.0.1:1/
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   166.91us   52.14us   1.26ms   90.10%
    Req/Sec    94.79k     2.59k  100.92k    80.95%
  Latency Distribution
     50%  154.00us
     75%  173.00us
     90%  201.00us
     99%    1.50ms
  198119 requests in 2.10s, 24.56MB read
Requests/sec:  94337.41
Transfer/sec:     11.70MB
";
        let figures = Figures {
            requests: 198_119.0,
            requests_per_second: 94_337.41,
            p50: 154.0,
            p99: 1_500.0,
        };
        assert_eq!(parse(text), Some(figures));
        assert_eq!(microseconds("1.25s"), Some(1.25e6));
        assert_eq!(parse("unable to connect"), None);
    }
}
