//! Rounds in which all take turns, and what is made of their times.
//!
//! Every cell (a sample, a strategy, a store) takes a turn in every round, so that
//! whatever else the machine does meets all of them alike. Each request of a turn is timed
//! by itself. What is compared is the median of the rounds' medians; the 10th and 90th
//! percentile of these are the spread.

use std::collections::BTreeMap;

use super::{
    Progress, Stop,
    report::{Latency, PerRequest},
    sample::{Op, Turn, Visitor},
};
use crate::manager::SessionError;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Measured rounds of each cell, at most.
    pub rounds: u32,
    /// When that many milliseconds have passed, a phase ends after its round.
    pub phase_millis: u64,
}

impl Effort {
    /// Rounds before the measured ones.
    pub(super) fn warm_up(self) -> u32 {
        self.rounds.clamp(1, WARM_UP)
    }
}

impl Default for Effort {
    /// 60 rounds, 40 seconds per phase: under two minutes in all with stores that answer
    /// at once.
    fn default() -> Self {
        Self {
            rounds: 60,
            phase_millis: 40_000,
        }
    }
}

/// Rounds before the measured ones, unless there are fewer of these.
const WARM_UP: u32 = 3;
/// A phase does not end by the clock before as many measured rounds.
const FEWEST: u32 = 3;
/// A turn takes about as long as this, in nanoseconds,
const TURN: u64 = 1_000_000;
/// unless that would be more requests than these.
const MOST: u64 = 16;

/// One session in one place, and what has been measured of it.
pub(super) struct Cell<K> {
    /// What it is, to whoever asked.
    pub(super) key: K,
    visitor: Box<dyn Visitor>,
    ops: Vec<Op>,
    /// The fastest request before the measured ones: a slow one was somebody else's doing.
    fastest: u64,
    series: BTreeMap<u8, Measured>,
    /// Why it was given up.
    pub(super) failed: Option<SessionError>,
}

#[derive(Default)]
struct Measured {
    requests: Series,
    in_store: Series,
    own: Series,
    calls: u64,
}

impl<K> Cell<K> {
    pub(super) fn new(key: K, visitor: Box<dyn Visitor>, ops: &[Op]) -> Self {
        Self {
            key,
            visitor,
            ops: ops.to_vec(),
            fastest: u64::MAX,
            series: BTreeMap::new(),
            failed: None,
        }
    }

    /// How long a request took.
    pub(super) fn latency(&self, op: Op) -> Option<Latency> {
        self.of(op)?.requests.latency()
    }

    /// How long its store took.
    pub(super) fn in_store(&self, op: Op) -> Option<Latency> {
        self.of(op)?.in_store.latency()
    }

    /// How long a request took outside of its store.
    pub(super) fn own(&self, op: Op) -> Option<Latency> {
        self.of(op)?.own.latency()
    }

    /// Calls of the store per request.
    pub(super) fn round_trips(&self) -> PerRequest {
        let mean = |op| {
            self.of(op).map_or(0.0, |measured| {
                measured.calls as f64 / (measured.requests.all.len() as f64).max(1.0)
            })
        };
        PerRequest {
            read: mean(Op::Read),
            change: mean(Op::Change),
        }
    }

    fn of(&self, op: Op) -> Option<&Measured> {
        self.series.get(&(op as u8))
    }

    async fn turn(&mut self, measured: bool) -> Result<(), SessionError> {
        let times = TURN.checked_div(self.fastest).unwrap_or(1);
        let times = usize::try_from(times.clamp(1, MOST)).unwrap_or(1);
        for op in self.ops.clone() {
            // The first finds caches that the others have used since.
            self.visitor.turn(op, 1).await?;
            let turn = self.visitor.turn(op, times).await?;
            if measured {
                self.note(op, &turn);
            } else if op == Op::Change {
                self.fastest = turn.times.iter().copied().fold(self.fastest, u64::min);
            }
        }
        Ok(())
    }

    fn note(&mut self, op: Op, turn: &Turn) {
        let measured = self.series.entry(op as u8).or_default();
        measured.requests.push(&turn.times);
        measured.in_store.push(&turn.in_store);
        measured.own.push(&turn.own);
        measured.calls = measured.calls.saturating_add(turn.calls);
    }
}

/// Lets all cells take turns until the effort is spent or somebody says stop.
pub(super) async fn rounds<K>(
    cells: &mut [Cell<K>],
    effort: Effort,
    clock: &dyn super::Monotonic,
    phase: &'static str,
    stop: &Stop,
) -> bool {
    let began = clock.nanos();
    let limit = effort.phase_millis.saturating_mul(1_000_000);
    let warm_up = effort.warm_up();
    let total = effort.rounds.saturating_add(warm_up);
    for round in 0..total {
        let done = round.saturating_sub(warm_up);
        let spent = clock.nanos().saturating_sub(began);
        if spent > limit && done >= FEWEST {
            return true;
        }
        let turns = cells.len();
        // Nobody is always the one after the slowest.
        let first = (round as usize).checked_rem(turns).unwrap_or(0);
        for turn in 0..turns {
            let progress = Progress {
                phase,
                done: u64::from(round)
                    .saturating_mul(turns as u64)
                    .saturating_add(turn as u64),
                total: u64::from(total).saturating_mul(turns as u64),
            };
            if stop.asked(progress) {
                return false;
            }
            let place = first.saturating_add(turn).checked_rem(turns).unwrap_or(0);
            if let Some(cell) = cells.get_mut(place)
                && cell.failed.is_none()
            {
                cell.failed = cell.turn(round >= warm_up).await.err();
            }
        }
    }
    true
}

/// Times of one kind.
#[derive(Default)]
pub(super) struct Series {
    medians: Vec<f64>,
    all: Vec<u64>,
}

impl Series {
    pub(super) fn push(&mut self, turn: &[u64]) {
        let mut sorted: Vec<f64> = turn.iter().map(|time| *time as f64).collect();
        sorted.sort_by(f64::total_cmp);
        if let Some(median) = quantile(&sorted, 0.5) {
            self.medians.push(median);
            self.all.extend(turn);
        }
    }

    pub(super) fn latency(&self) -> Option<Latency> {
        let mut medians = self.medians.clone();
        medians.sort_by(f64::total_cmp);
        let mut all: Vec<f64> = self.all.iter().map(|time| *time as f64).collect();
        all.sort_by(f64::total_cmp);
        Some(Latency {
            p50: quantile(&medians, 0.5)?,
            p99: quantile(&all, 0.99)?,
            low: quantile(&medians, 0.1)?,
            high: quantile(&medians, 0.9)?,
            rounds: medians.len(),
            requests: all.len(),
        })
    }
}

/// What `part` of the values do not exceed, between neighbours by proportion; `None` of
/// nothing. The values are sorted.
pub(super) fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = part.clamp(0.0, 1.0) * last as f64;
    let below = *sorted.get(place.floor() as usize)?;
    let above = *sorted.get(place.ceil() as usize)?;
    Some(below + (above - below) * place.fract())
}

/// What one reading of the clock takes, in nanoseconds: the smallest mean of a few tries.
pub(super) fn clock_nanos(clock: &dyn super::Monotonic) -> f64 {
    const READS: u32 = 1_000;
    let mean = || {
        let began = clock.nanos();
        for _ in 0..READS {
            core::hint::black_box(clock.nanos());
        }
        clock.nanos().saturating_sub(began) as f64 / f64::from(READS)
    };
    (0..5).map(|_| mean()).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7.0], 0.99), Some(7.0));
        assert_eq!(quantile(&[1.0, 2.0], 0.5), Some(1.5));
        let hundred: Vec<f64> = (0..=100).map(f64::from).collect();
        for (part, value) in [
            (0.0, 0.0),
            (0.1, 10.0),
            (0.99, 99.0),
            (1.0, 100.0),
            (2.0, 100.0),
        ] {
            assert_eq!(quantile(&hundred, part), Some(value));
        }
    }

    #[test]
    fn one_slow_round_moves_the_spread_and_not_the_median() {
        let mut series = Series::default();
        for round in 0..10_u64 {
            let time = if round == 3 { 9_000 } else { 100 };
            series.push(&[time, time + 2, time + 1]);
        }
        series.push(&[]);
        let latency = series.latency().unwrap();
        assert_eq!((latency.p50, latency.low), (101.0, 101.0));
        assert!(latency.high > 101.0 && latency.p99 > 8_000.0, "{latency:?}");
        assert_eq!((latency.rounds, latency.requests), (10, 30));
        assert_eq!(Series::default().latency(), None);
    }
}
