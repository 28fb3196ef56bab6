//! The machine: which it is, which processor runs what, and how much of it a server used.

use std::{fs, process::Command};

/// The processors that this process may use.
pub fn processors() -> Vec<u32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.map(parse_list).unwrap_or_default()
}

fn parse_list(text: &str) -> Vec<u32> {
    text.trim()
        .split(',')
        .filter_map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some(first.parse().ok()?..=last.parse::<u32>().ok()?)
        })
        .flatten()
        .collect()
}

/// Keeps this process, and what it starts from now on, on these processors.
pub fn stay_on(processors: &[u32]) -> bool {
    let list: Vec<String> = processors.iter().map(u32::to_string).collect();
    Command::new("taskset")
        .args(["-a", "-c", "-p", &list.join(",")])
        .arg(std::process::id().to_string())
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Nanoseconds that all threads of a process have spent on a processor.
pub fn busy_nanos(process: u32) -> Option<f64> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let mut total = 0.0;
    for task in tasks {
        let statistics = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        total += statistics.split(' ').next()?.parse::<f64>().ok()?;
    }
    Some(total)
}

/// Processor, kernel and compiler, in a line.
pub fn describe() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    let kernel = first_line("uname", &["-sr"]);
    let compiler = first_line("rustc", &["--version"]);
    let is_one = |line: &&str| line.starts_with("processor");
    let count = processors.lines().filter(is_one).count();
    format!("{model}, {count} processors, {kernel}, {compiler}")
}

/// The load of the last minute, which says whether others were at work.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

pub fn first_line(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output();
    let text = output.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
    text.ok()
        .and_then(|text| text.lines().next().map(|line| line.trim().to_owned()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_have_ranges() {
        assert_eq!(parse_list("\t0-2,5\n"), [0, 1, 2, 5]);
        assert_eq!(parse_list("7"), [7]);
    }
}
