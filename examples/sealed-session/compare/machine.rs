//! What the report says of the machine.

use std::{env::consts, fs, thread};

use sealed_session::compare::report::Machine;

pub(super) fn machine() -> Machine {
    Machine {
        cpu: cpu(),
        cores: thread::available_parallelism().map_or(1, usize::from),
        os: consts::OS.to_owned(),
        arch: consts::ARCH.to_owned(),
        optimized: !cfg!(debug_assertions),
    }
}

/// The processor's name where Linux tells it.
fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let mut named = fields.filter(|(field, _)| field.trim() == "model name");
    named.next().map(|(_, name)| name.trim().to_owned())
}
