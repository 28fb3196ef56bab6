//! Who runs when. The machine changes its speed within seconds, so every program's run
//! stands directly between two of its framework's bare program, and is compared with the
//! mean of these two and with nothing else. Where a process happens to lie in memory makes
//! some per cent for as long as it lives, so every round begins with new ones.

use crate::{
    Result,
    program::{FRAMEWORKS, Program, Work},
    statistics::Spread,
};

/// What one run showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    pub requests_per_second: f64,
    /// Microseconds.
    pub p50: f64,
    pub p99: f64,
    /// Microseconds of a processor that the server spent on a request.
    pub busy: f64,
}

/// A run of a program, and the bare program's around it.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    own: Run,
    /// The mean of the runs directly before and after.
    bare: Run,
}

/// A program and its turns: one a round. The bare program's are those of its runs that
/// stand between two others of it, which shows how far equal programs differ.
pub struct Series {
    pub program: Program,
    turns: Vec<Turn>,
}

/// What runs the programs in one round.
pub trait Round {
    fn run(&mut self, program: Program) -> Result<Run>;

    /// After the last run.
    fn end(self) -> Result;
}

/// All programs in all rounds. Each framework's bare program is its first.
pub fn interleave<R: Round>(
    programs: &[Program],
    rounds: usize,
    mut begin: impl FnMut() -> Result<R>,
) -> Result<Vec<Series>> {
    let new = |&program| Series {
        program,
        turns: Vec::new(),
    };
    let mut all: Vec<Series> = programs.iter().map(new).collect();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        let mut servers = begin()?;
        for of_framework in frameworks(programs) {
            let run = |program| servers.run(program);
            for (program, turn) in one_round(&of_framework, round, run)? {
                let series = all.iter_mut().find(|it| it.program == program);
                series.ok_or("a program twice")?.turns.push(turn);
            }
        }
        servers.end()?;
    }
    Ok(all)
}

/// How many runs a round has.
pub fn runs(programs: &[Program]) -> usize {
    let with_bare_between = |it: Vec<Program>| 2 * it.len() - 1;
    frameworks(programs).map(with_bare_between).sum()
}

/// The programs of each framework, the bare one first.
fn frameworks(programs: &[Program]) -> impl Iterator<Item = Vec<Program>> {
    let of = |framework| {
        let of_it = programs.iter().filter(move |it| it.framework == framework);
        of_it.copied().collect::<Vec<_>>()
    };
    FRAMEWORKS.into_iter().map(of).filter(|it| !it.is_empty())
}

/// Bare, one program, bare, the next, ..., bare.
fn one_round(
    programs: &[Program],
    round: usize,
    mut run: impl FnMut(Program) -> Result<Run>,
) -> Result<Vec<(Program, Turn)>> {
    let (bare, others) = match programs {
        [bare, others @ ..] if bare.work == Work::Bare => (bare, others),
        _ => return Err("a framework without its bare program".into()),
    };
    let mut turns = Vec::new();
    let mut between = vec![run(*bare)?];
    for index in order(others.len(), round) {
        let own = run(others[index])?;
        let (before, after) = (between[between.len() - 1], run(*bare)?);
        let turn = Turn {
            own,
            bare: before.mean(after),
        };
        turns.push((others[index], turn));
        between.push(after);
    }
    turns.extend(between.windows(3).map(|runs| {
        let turn = Turn {
            own: runs[1],
            bare: runs[0].mean(runs[2]),
        };
        (*bare, turn)
    }));
    Ok(turns)
}

/// Begins one further in every round, and goes backwards in every other one.
fn order(count: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).map(|index| (index + round) % count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

impl Run {
    /// From the beginning of a request to that of the next, with one connection:
    /// microseconds. wrk's own figures of latency are whole microseconds.
    pub fn cycle(&self) -> f64 {
        1e6 / self.requests_per_second
    }

    fn mean(self, other: Self) -> Self {
        let mean = |of: fn(&Self) -> f64| f64::midpoint(of(&self), of(&other));
        Self {
            requests_per_second: mean(|run| run.requests_per_second),
            p50: mean(|run| run.p50),
            p99: mean(|run| run.p99),
            busy: mean(|run| run.busy),
        }
    }
}

impl Series {
    pub fn median(&self, of: fn(&Run) -> f64) -> f64 {
        Spread::of(self.turns.iter().map(|turn| of(&turn.own))).median
    }

    /// As a multiple of the bare program's.
    pub fn to_bare(&self, of: fn(&Run) -> f64) -> Spread {
        Spread::of(self.turns.iter().map(|turn| turn.ratio(of)))
    }

    pub fn more_than_bare(&self, of: fn(&Run) -> f64) -> Spread {
        Spread::of(self.turns.iter().map(|turn| of(&turn.own) - of(&turn.bare)))
    }

    /// As a multiple of another program's, each by its own bare runs in the same round.
    pub fn to_peer(&self, peer: &Self, of: fn(&Run) -> f64) -> Spread {
        let rounds = self.turns.iter().zip(&peer.turns);
        Spread::of(rounds.map(|(own, peers)| own.ratio(of) / peers.ratio(of)))
    }
}

impl Turn {
    fn ratio(&self, of: fn(&Run) -> f64) -> f64 {
        of(&self.own) / of(&self.bare)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::program::{self, Library};

    #[test]
    fn every_program_has_its_turn_in_every_round() {
        assert_eq!(order(3, 0), [0, 1, 2]);
        assert_eq!(order(3, 1), [0, 2, 1]);
        assert_eq!(order(3, 2), [2, 0, 1]);
    }

    /// A round in which this happens.
    impl<F: FnMut(Program) -> Result<Run>> Round for F {
        fn run(&mut self, program: Program) -> Result<Run> {
            self(program)
        }

        fn end(self) -> Result {
            Ok(())
        }
    }

    #[test]
    fn every_run_stands_between_two_of_its_framework_s_bare_program() {
        let programs = program::all();
        let ran = RefCell::new(Vec::new());
        let run = |program| {
            ran.borrow_mut().push(program);
            Ok(a_run(1.0))
        };
        let mut begun = 0;
        let all = interleave(&programs, 3, || {
            begun += 1;
            Ok(run)
        });
        let ran = ran.into_inner();
        assert_eq!(begun, 3);
        assert_eq!(ran.len(), 3 * runs(&programs));
        for (index, program) in ran.iter().enumerate() {
            let bare = Program::bare(program.framework);
            if *program != bare {
                assert_eq!((ran[index - 1], ran[index + 1]), (bare, bare), "{program}");
            }
        }
        for series in all.unwrap() {
            let others = programs.iter().filter(|it| {
                it.framework == series.program.framework && it.library != Library::None
            });
            let a_round = match series.program.work {
                Work::Bare => others.count() - 1,
                _ => 1,
            };
            assert_eq!(series.turns.len(), 3 * a_round, "{}", series.program);
        }
    }

    #[test]
    fn a_machine_that_becomes_slower_all_the_time_changes_no_ratio() {
        let programs = program::all();
        let speed = Cell::new(1e6);
        let run = |program| {
            speed.update(|speed| speed - 1e3);
            Ok(a_run(speed.get() * share(&program)))
        };
        let all = interleave(&programs, 3, || Ok(run));
        let all = all.unwrap();
        for series in &all {
            let throughput = series.to_bare(|run| run.requests_per_second);
            let close = |figure: f64| (figure - share(&series.program)).abs() < 1e-9;
            assert!(close(throughput.lower) && close(throughput.upper));
        }
        let peer = all.iter().find(|it| !it.program.counterparts().is_empty());
        let peer = peer.unwrap();
        let ours = peer.program.counterparts()[0];
        let ours = all.iter().find(|it| it.program == ours).unwrap();
        let beside = ours.to_peer(peer, |run| run.requests_per_second);
        assert!((beside.median - 0.8 / 0.5).abs() < 1e-9);
        // Without the pairs it would be another: they did not run at the same time.
        let median = |it: &Series| it.median(|run| run.requests_per_second);
        assert!((median(ours) / median(peer) - 0.8 / 0.5).abs() > 1e-3);
    }

    fn share(program: &Program) -> f64 {
        match program.library {
            Library::None => 1.0,
            Library::Ours => 0.8,
            _ => 0.5,
        }
    }

    fn a_run(requests_per_second: f64) -> Run {
        Run {
            requests_per_second,
            p50: 1.0,
            p99: 1.0,
            busy: 1.0,
        }
    }

    #[test]
    fn a_turn_tells_how_much_more_than_the_mean_of_its_neighbours() {
        let run = |busy| Run {
            busy,
            ..a_run(50_000.0)
        };
        let series = Series {
            program: Program::bare(FRAMEWORKS[0]),
            turns: vec![Turn {
                own: run(13.0),
                bare: run(8.0).mean(run(12.0)),
            }],
        };
        let more = series.more_than_bare(|run| run.busy);
        assert_eq!(format!("{more:.2}"), "3.00 (3.00..3.00)");
        assert!((series.median(Run::cycle) - 20.0).abs() < 1e-9);
    }
}
