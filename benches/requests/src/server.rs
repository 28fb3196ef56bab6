//! A program in a process of its own: started, seen to do its work, and given to wrk.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use crate::{
    Result,
    client::{self, Answer},
    data, machine,
    program::{Library, Place, Program, Work},
    turns::Run,
    wrk,
};

pub struct Server {
    pub program: Program,
    process: Process,
    address: SocketAddr,
    /// That of a session that has begun: `name=value`.
    cookie: String,
}

/// A server for each of the programs, on this processor if there is one for them.
pub fn start_all(
    programs: &[Program],
    redis: Option<&str>,
    processor: Option<u32>,
) -> Result<Vec<Server>> {
    let servers = programs
        .iter()
        .map(|program| Server::start(*program, redis, processor));
    let mut servers: Vec<Server> = servers.collect::<Result<_>>()?;
    // Bare programs are sent a cookie as well, of the same length.
    let cookie = servers.iter().find_map(|server| {
        let is_ours = server.program.library.is_ours();
        (is_ours && server.program.place == Place::Cookie).then(|| server.cookie.clone())
    });
    let cookie = cookie.ok_or("no program with a cookie")?;
    for server in &mut servers {
        if server.program.library == Library::None {
            server.cookie.clone_from(&cookie);
        }
        server.warm_up()?;
    }
    Ok(servers)
}

/// Requests that are not measured: no run pays for what happens once.
const WARM_UP: usize = 500;

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

    fn warm_up(&self) -> Result {
        (0..WARM_UP).try_for_each(|_| self.get("/", Some(&self.cookie)).map(drop))
    }

    /// One run of wrk with so many connections.
    pub fn run(&self, connections: u32, seconds: u32) -> Result<Run> {
        let process = self.process.0.id();
        let busy = || machine::busy_nanos(process).ok_or("the server has ended");
        let before = busy()?;
        let wrk = wrk::run(self.address, &self.cookie, connections, seconds)
            .map_err(|error| format!("{}: {error}", self.program))?;
        let spent = busy()? - before;
        Ok(Run {
            requests_per_second: wrk.requests_per_second,
            p50: wrk.p50,
            p99: wrk.p99,
            busy: spent / 1e3 / wrk.requests,
        })
    }

    /// That the program does what it is measured at, no less and no more.
    pub fn check(&self) -> Result {
        self.does_its_work()
            .map_err(|error| format!("{}: {error}", self.program).into())
    }

    fn does_its_work(&self) -> Result {
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
