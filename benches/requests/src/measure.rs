//! All programs side by side: starts them, sees that each does its work, and gives each of
//! them to wrk in short rounds, so that what disturbs the machine meets all of them.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use crate::{
    Result,
    client::{self, Answer},
    data, layer, machine,
    program::{self, Library, Place, Program, Work},
    redis::RedisServer,
    report, wrk,
};

/// A program and what was measured of it, a figure a round.
pub struct Series {
    pub program: Program,
    pub requests_per_second: Vec<f64>,
    /// Microseconds.
    pub p50: Vec<f64>,
    pub p99: Vec<f64>,
    /// Microseconds of a processor that the server spent on a request.
    pub busy: Vec<f64>,
}

/// How it was measured.
pub struct Conditions {
    pub rounds: usize,
    pub seconds: u32,
    /// The servers have a processor of their own.
    pub pinned: bool,
    pub load: [String; 2],
}

pub fn run(rounds: usize, seconds: u32, write: bool) -> Result {
    if rounds == 0 || seconds == 0 {
        return Err("at least one round of one second".into());
    }
    let before = machine::load();
    eprintln!("calls of the layer");
    let layer = layer::measure();

    let processors = machine::processors();
    // The first is the servers'; wrk, Redis and this program share the others.
    let own = processors.split_first();
    let own = own.filter(|(_, others)| !others.is_empty() && machine::stay_on(others));
    let own = own.map(|(first, _)| *first);

    let redis = RedisServer::start();
    let url = redis.as_ref().map(RedisServer::url);
    let mut servers = start_all(url.as_deref(), own)?;
    for server in &servers {
        server
            .check()
            .map_err(|error| format!("{}: {error}", server.program))?;
    }
    eprintln!("{} programs answer rightly", servers.len());

    for server in &mut servers {
        // So that no first round pays for what happens once.
        wrk::run(server.address, &server.cookie, 1)?;
    }
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for index in order(servers.len(), round) {
            servers[index].measure(seconds)?;
        }
    }
    for server in &servers {
        server
            .check()
            .map_err(|error| format!("{}, afterwards: {error}", server.program))?;
    }
    let conditions = Conditions {
        rounds,
        seconds,
        pinned: own.is_some(),
        load: [before, machine::load()],
    };
    let series: Vec<Series> = servers.into_iter().map(|server| server.series).collect();
    let report = report::markdown(&series, &layer, &conditions);
    println!("{report}");
    if write {
        report::write(&report)?;
    }
    Ok(())
}

/// Begins one further in every round, and goes backwards in every other one.
fn order(count: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).map(|index| (index + round) % count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

fn start_all(redis: Option<&str>, processor: Option<u32>) -> Result<Vec<Server>> {
    let mut servers: Vec<Server> = Vec::new();
    for program in program::all() {
        if program.place == Place::Redis && redis.is_none() {
            eprintln!("SKIPPED {program}: redis-server is not installed");
            continue;
        }
        servers.push(Server::start(program, redis, processor)?);
    }
    // Bare programs are sent a cookie as well, of the same length.
    let cookie = servers.iter().find_map(|server| {
        let is_ours = server.program.library == Library::Ours;
        (is_ours && server.program.place == Place::Cookie).then(|| server.cookie.clone())
    });
    let cookie = cookie.ok_or("no program with a cookie")?;
    for server in &mut servers {
        if server.program.library == Library::None {
            server.cookie.clone_from(&cookie);
        }
    }
    Ok(servers)
}

/// A program in a process of its own.
struct Server {
    program: Program,
    process: Process,
    address: SocketAddr,
    /// That of a session that has begun: `name=value`.
    cookie: String,
    series: Series,
}

impl Server {
    fn start(program: Program, redis: Option<&str>, processor: Option<u32>) -> Result<Self> {
        let this = env::current_exe()?;
        let mut command = match processor {
            Some(processor) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &processor.to_string()]).arg(this);
                command
            }
            None => Command::new(this),
        };
        let name = program.to_string();
        let redis = redis.filter(|_| program.place == Place::Redis);
        command
            .args(["serve", &name, "127.0.0.1:0"])
            .args(redis)
            .arg("--while-stdin");
        let process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut server = Self {
            program,
            process: Process(process),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            cookie: String::new(),
            series: Series {
                program,
                requests_per_second: Vec::new(),
                p50: Vec::new(),
                p99: Vec::new(),
                busy: Vec::new(),
            },
        };
        let output = server.process.0.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        server.address = line
            .trim()
            .parse()
            .map_err(|_| format!("{name} does not start"))?;
        if program.library != Library::None {
            let begun = client::get(server.address, "/login", None)?;
            server.cookie = begun.cookie.ok_or(format!("{name}: no cookie at /login"))?;
        }
        Ok(server)
    }

    /// That the program does what it is measured at, no less and no more.
    fn check(&self) -> Result {
        let answer = self.get("/", Some(&self.cookie))?;
        expect(answer.body == data::ANSWER, "another body", &answer)?;
        let sets = answer.headers.iter().any(|name| name == "set-cookie");
        expect(
            sets == self.program.sets_cookie(),
            "its Set-Cookie",
            &answer,
        )?;
        let uses = matches!(self.program.work, Work::Read | Work::Written);
        if !uses {
            let said = ["vary", "cache-control", "set-cookie"];
            let silent = !answer
                .headers
                .iter()
                .any(|name| said.contains(&name.as_str()));
            return expect(silent, "more than a bare program says", &answer);
        }

        // The answer came out of the session: without a session it is another.
        let anonymous = self.get("/", None)?;
        expect(
            anonymous.body.is_empty(),
            "a body without a session",
            &anonymous,
        )?;

        let cookie = answer.cookie.as_deref().unwrap_or(&self.cookie);
        let before = self.count(cookie)?;
        let answer = self.get("/", Some(cookie))?;
        let after = self.count(answer.cookie.as_deref().unwrap_or(cookie))?;
        let more = u64::from(self.program.work == Work::Written);
        expect(after == before + more, "not what the session held", &answer)?;
        // That of the corpus, or one that counted on from there.
        expect(
            before >= data::login().auth_time,
            "another session",
            &answer,
        )
    }

    fn count(&self, cookie: &str) -> Result<u64> {
        Ok(self.get("/count", Some(cookie))?.body.parse()?)
    }

    fn get(&self, path: &str, cookie: Option<&str>) -> Result<Answer> {
        let answer = client::get(self.address, path, cookie)?;
        expect(answer.status == 200, "another status", &answer)?;
        Ok(answer)
    }

    fn measure(&mut self, seconds: u32) -> Result {
        let process = self.process.0.id();
        let busy = || machine::busy_nanos(process).ok_or("the server has ended");
        let before = busy()?;
        let run = wrk::run(self.address, &self.cookie, seconds)
            .map_err(|error| format!("{}: {error}", self.program))?;
        let spent = busy()? - before;
        let series = &mut self.series;
        series.requests_per_second.push(run.requests_per_second);
        series.p50.push(run.p50);
        series.p99.push(run.p99);
        series.busy.push(spent / 1e3 / run.requests);
        Ok(())
    }
}

/// Ends with this value; and with this process, however that ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn expect(holds: bool, otherwise: &str, answer: &Answer) -> Result {
    if holds {
        return Ok(());
    }
    Err(format!("{otherwise}: {answer:?}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_its_turn_in_every_round() {
        assert_eq!(order(3, 0), [0, 1, 2]);
        assert_eq!(order(3, 1), [0, 2, 1]);
        assert_eq!(order(3, 2), [2, 0, 1]);
    }

    #[test]
    fn every_program_has_a_name_of_its_own_and_a_bare_one_to_be_compared_with() {
        let all = program::all();
        for program in &all {
            assert_eq!(Program::named(&program.to_string()), Some(*program));
            assert!(all.contains(&Program::bare(program.framework)));
        }
    }
}
