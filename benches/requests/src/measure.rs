//! All programs side by side, twice: with servers that are always busy, and with one client.

use crate::{
    Result, layer, machine,
    program::{self, Place, Program},
    redis::RedisServer,
    report,
    server::{self, Server},
    turns::{self, Round, Run, Series},
    wrk,
};

/// What was measured, and how.
pub struct Measured {
    pub layer: layer::Figures,
    pub saturated: Vec<Series>,
    pub one_client: Vec<Series>,
    pub plan: Plan,
    /// The servers have a processor of their own.
    pub pinned: bool,
    /// Before and after.
    pub load: [String; 2],
}

pub fn run(rounds: usize, seconds: u32, write: bool) -> Result {
    if rounds == 0 || seconds == 0 {
        return Err("at least one round of one second".into());
    }
    let before = machine::load();
    let processors = machine::processors();
    // The first is the servers'; wrk, Redis and this program share the others.
    let own = processors.split_first();
    let own = own.filter(|(_, others)| !others.is_empty() && machine::stay_on(others));
    let own = own.map(|(first, _)| *first);

    let redis = RedisServer::start();
    let plan = Plan::new(programs(redis.is_some()), rounds, seconds);
    eprintln!("about {:.0} minutes", plan.minutes().ceil());
    eprintln!("calls of the layer");
    let layer = layer::measure();

    let url = redis.as_ref().map(RedisServer::url);
    let measure = |programs: &[Program], rounds, connections| {
        eprintln!("wrk -c{connections}");
        turns::interleave(programs, rounds, || {
            let servers = server::start_all(programs, url.as_deref(), own)?;
            check(&servers)?;
            eprintln!("{} programs answer rightly", servers.len());
            Ok(Servers {
                servers,
                connections,
                seconds: plan.seconds,
            })
        })
    };
    let saturated = measure(&plan.programs, plan.rounds, wrk::CONNECTIONS)?;
    let one_client = measure(&plan.for_one_client, plan.few_rounds, 1)?;

    let report = report::markdown(&Measured {
        layer,
        saturated,
        one_client,
        plan,
        pinned: own.is_some(),
        load: [before, machine::load()],
    });
    println!("{report}");
    if write {
        report::write(&report)?;
    }
    Ok(())
}

/// Those of one round.
struct Servers {
    servers: Vec<Server>,
    connections: u32,
    seconds: u32,
}

impl Round for Servers {
    fn run(&mut self, program: Program) -> Result<Run> {
        let server = self.servers.iter().find(|it| it.program == program);
        let server = server.ok_or("not started")?;
        server.run(self.connections, self.seconds)
    }

    fn end(self) -> Result {
        check(&self.servers).map_err(|error| format!("afterwards: {error}").into())
    }
}

fn programs(with_redis: bool) -> Vec<Program> {
    let mut programs = program::all();
    programs.retain(|program| {
        let runs = with_redis || program.place != Place::Redis;
        if !runs {
            eprintln!("SKIPPED {program}: redis-server is not installed");
        }
        runs
    });
    programs
}

fn check(servers: &[Server]) -> Result {
    servers.iter().try_for_each(Server::check)
}

/// What runs how often.
pub struct Plan {
    programs: Vec<Program>,
    pub rounds: usize,
    for_one_client: Vec<Program>,
    /// Rounds with one client.
    pub few_rounds: usize,
    /// Of a run.
    pub seconds: u32,
}

impl Plan {
    fn new(programs: Vec<Program>, rounds: usize, seconds: u32) -> Self {
        let one_client = programs.iter().filter(|it| it.for_one_client());
        Self {
            rounds,
            for_one_client: one_client.copied().collect(),
            few_rounds: (rounds / 3).max(3).min(rounds),
            seconds,
            programs,
        }
    }

    fn minutes(&self) -> f64 {
        let runs = self.rounds * turns::runs(&self.programs)
            + self.few_rounds * turns::runs(&self.for_one_client);
        // What wrk takes to begin and to end.
        let beside = 0.08;
        // And servers.
        let begin = self.rounds * self.programs.len() + self.few_rounds * self.for_one_client.len();
        let begin = begin as f64 * 0.2;
        (begin + runs as f64 * (f64::from(self.seconds) + beside)) / 60.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_measurement_takes_less_than_twenty_minutes() {
        let plan = Plan::new(program::all(), 9, 1);
        assert_eq!(plan.few_rounds, 3);
        assert!((10.0..20.0).contains(&plan.minutes()), "{}", plan.minutes());
    }

    #[test]
    fn one_client_has_a_third_of_the_rounds_but_three_where_there_are_as_many() {
        let few = |rounds| Plan::new(Vec::new(), rounds, 1).few_rounds;
        assert_eq!([1, 2, 3, 9, 21].map(few), [1, 2, 3, 3, 7]);
    }
}
