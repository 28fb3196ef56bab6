//! How much memory this process has, over time.

use core::fmt;

/// Resident kilobytes, noted now and then. Server and clients are one process, so that both
/// must be flat.
#[derive(Default)]
pub(crate) struct Memory(Vec<u64>);

impl Memory {
    pub(crate) fn note(&mut self) {
        self.0.push(resident());
    }

    /// The last quarter is not over the second by more than a tenth and 8 MiB, which is what
    /// allocators keep for themselves.
    pub(crate) fn assert_flat(&self) {
        let (early, late) = self.halves();
        assert!(late <= early + early / 10 + 8 * 1024, "{self}");
    }

    /// The medians of the second and of the last quarter.
    fn halves(&self) -> (u64, u64) {
        let quarter = self.0.len().div_ceil(4);
        let second = self.0.chunks(quarter).nth(1).unwrap_or(&self.0);
        let last = self.0.chunks(quarter).last().unwrap_or(&self.0);
        (median(second), median(last))
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (early, late) = self.halves();
        write!(
            f,
            "memory {early} KiB in the second quarter, {late} KiB in the last"
        )
    }
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values[values.len() / 2]
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.map_or(0, |number| number.parse().unwrap())
}
