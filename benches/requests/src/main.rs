//! What a session costs a request: every framework bare, with this library, and with other
//! session libraries in programs of the same shape.
//!
//! ```sh
//! requests list                       # the programs
//! requests serve PROGRAM ADDRESS      # one of them, until it is stopped
//! requests layer                      # nanoseconds per call of the layer, without a network
//! requests measure ROUNDS SECONDS     # all of them, with wrk; `--write` into docs/REQUESTS.md
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

mod client;
mod data;
mod frameworks;
mod layer;
mod machine;
mod measure;
mod program;
mod report;
mod server;
mod statistics;
mod tables;
mod turns;
mod wrk;

#[path = "../../../tests/servers/redis.rs"]
mod redis;
#[path = "../../../tests/support/mod.rs"]
mod support;

use std::{env, io::Read, process, thread};

use program::Program;

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const USAGE: &str = "requests list
requests serve PROGRAM ADDRESS [REDIS_URL] [--while-stdin]
requests layer
requests measure ROUNDS SECONDS [--write]";

fn main() -> Result {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let mut flag = |name: &str| {
        let before = arguments.len();
        arguments.retain(|argument| argument != name);
        arguments.len() < before
    };
    let (write, while_stdin) = (flag("--write"), flag("--while-stdin"));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["list"] => {
            for program in program::all() {
                println!("{program}");
            }
            Ok(())
        }
        ["serve", name, address] => serve(name, address, None, while_stdin),
        ["serve", name, address, redis] => serve(name, address, Some(redis), while_stdin),
        ["layer"] => {
            print!("{}", layer::measure());
            Ok(())
        }
        ["measure", rounds, seconds] => measure::run(rounds.parse()?, seconds.parse()?, write),
        _ => {
            eprintln!("{USAGE}");
            process::exit(2);
        }
    }
}

fn serve(name: &str, address: &str, redis: Option<&str>, while_stdin: bool) -> Result {
    let program = Program::named(name).ok_or("there is no such program: see `requests list`")?;
    if while_stdin {
        // Whoever started this is gone when its end of the pipe is, however it went.
        thread::spawn(|| {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            process::exit(0);
        });
    }
    frameworks::serve(&program, address.parse()?, redis)
}
