//! What is done to the servers: rotations, roll-outs, files that are broken for a while,
//! restarts, clocks that are put right.

use std::fs;

use sealed_session::{
    keys::{Key, KeyRing, RingKey},
    time::Timestamp,
};

use crate::{
    oracle::{SKEW, STEP},
    server::{CLASSES, seconds},
    world::{Event, Sabotage, World},
};

const MINUTE: u32 = 60;
const HOUR: u32 = 3_600;
/// How often keys rotate.
const ROTATION: u32 = 12 * HOUR;
/// How long a new key is pending.
const ACTIVATION: u32 = 2 * HOUR;
/// How long it takes until the last server has its new file.
const ROLLOUT: u32 = HOUR;
/// Until when a file that arrived broken is put right, from the beginning of the roll-out.
const REPAIR: u32 = 90 * MINUTE;
/// How often a server reads its file.
const POLL: u32 = MINUTE;

impl World {
    /// Plans what operators do by themselves.
    pub(crate) fn plan_operations(&mut self) {
        self.at(HOUR, Event::Rotate);
        for server in 0..self.servers.len() {
            let restart = self.dice.below(ROTATION);
            self.at(restart, Event::Restart(server));
            let step = self.dice.below(2 * HOUR);
            self.at(step, Event::SetClock(server));
        }
    }

    /// Makes the next ring, and rolls it out to one server after the other.
    pub(crate) fn rotate(&mut self) {
        let now = Timestamp::from_unix_seconds(self.now);
        let key = Key::generate_from(&self.dice).unwrap();
        self.ring = match self.sabotage {
            Sabotage::OldKeyDropped => KeyRing::emergency(now, key),
            Sabotage::NoActivation => self
                .ring
                .rotate(now, seconds(0), seconds(CLASSES[1].0), key),
            _ => self
                .ring
                .rotate(now, seconds(ACTIVATION), seconds(CLASSES[1].0), key),
        }
        .unwrap();
        for server in 0..self.servers.len() {
            let arrives = self.dice.below(ROLLOUT);
            if self.dice.per_mille(60) {
                self.at(arrives, Event::ArriveBroken(server));
                let repaired = self.dice.between(ROLLOUT, REPAIR);
                self.at(repaired, Event::Arrive(server));
            } else {
                self.at(arrives, Event::Arrive(server));
            }
        }
        self.at(REPAIR + POLL, Event::RolledOut);
        self.at(ROTATION, Event::Rotate);
        self.tally.rotations += 1;
    }

    pub(crate) fn arrive(&mut self, server: usize) {
        fs::write(&self.servers[server].file, &*self.ring.to_secret_toml()).unwrap();
        let poll = self.dice.below(POLL);
        self.at(poll, Event::Reload(server));
    }

    pub(crate) fn arrive_broken(&mut self, server: usize) {
        let file = &self.servers[server].file;
        let good = self.ring.to_secret_toml();
        let kind = self.dice.below(6);
        let text = match kind {
            0 => String::new(),
            1 => "the disk is full".to_owned(),
            2 => good[..good.len() - 10].to_owned(),
            3 => self.ring_with(|entry| {
                // The old key closes while live sessions carry it.
                let newest = self.ring.keys().last()?.seals_from();
                (entry.seals_from() != newest).then(|| newest + seconds(CLASSES[1].0))
            }),
            // The newest key closes one day.
            4 => {
                let later = Timestamp::from_unix_seconds(self.now + ROTATION);
                format!("{}\nopens_until = {later}\n", good.trim_end())
            }
            _ => {
                let key = Key::generate_from(&self.dice).unwrap();
                let later = Timestamp::from_unix_seconds(self.now + ACTIVATION);
                let ring = KeyRing::new([RingKey::new(key, later)]).unwrap();
                ring.to_secret_toml().to_string()
            }
        };
        fs::write(file, text).unwrap();
        let poll = self.dice.below(POLL);
        self.at(poll, Event::ReloadBroken(server, kind));
    }

    fn ring_with(&self, until: impl Fn(&RingKey) -> Option<Timestamp>) -> String {
        let keys = self.ring.keys().iter().map(|entry| {
            let key = RingKey::new(entry.key().clone(), entry.seals_from());
            match until(entry) {
                Some(until) => key.with_opens_until(until),
                None => key,
            }
        });
        KeyRing::new(keys).unwrap().to_secret_toml().to_string()
    }

    /// `broken` is in what way the file is not usable, if it is not.
    pub(crate) fn reload(&mut self, server: usize, broken: Option<u32>) {
        let now = self.now;
        let loaded = self.servers[server].reload(now);
        if loaded {
            self.tally.reloads += 1;
        } else {
            self.tally.refused_files += 1;
        }
        if loaded == broken.is_some() {
            let what = if loaded { "accepted" } else { "refused" };
            let text = format!("at {now}, server {server} {what} its ring file ({broken:?})");
            self.oracle.violation(text);
        }
    }

    pub(crate) fn restart(&mut self, server: usize) {
        let now = self.now;
        if self.servers[server].restart(now) {
            self.tally.restarts += 1;
        } else {
            self.tally.failed_starts += 1;
        }
        let next = self.dice.between(HOUR, 2 * ROTATION);
        self.at(next, Event::Restart(server));
    }

    pub(crate) fn set_clock(&mut self, server: usize) {
        let by = i64::from(self.dice.below(2 * STEP + 1)) - i64::from(STEP);
        let limit = i64::from(SKEW);
        let clock = &mut self.servers[server].skew;
        if clock.abs() <= limit {
            *clock = (*clock + by).clamp(-limit, limit);
        }
        self.tally.clocks_set += 1;
        let next = self.dice.between(10 * MINUTE, 4 * HOUR);
        self.at(next, Event::SetClock(server));
    }

    /// Every server has the newest ring before it takes over.
    pub(crate) fn rolled_out(&mut self) {
        for (number, server) in self.servers.iter().enumerate() {
            if !server.runs_with(&self.ring) {
                let text = format!("server {number} has an old ring at {}", self.now);
                self.oracle.violation(text);
            }
        }
    }
}
