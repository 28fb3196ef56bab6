//! What a load costs by each strategy, from one server to a billion users, and what breaks
//! first.
//!
//! Every formula stands as text in [`FORMULAS`], in the order of the code, and in every
//! report. What is not measured is an [`Assumptions`] or a [`Load`]: change it, and the
//! costs follow.

use serde::{Deserialize, Serialize};

use super::report::{Lives, SampleReport, Way, WayReport};
use crate::store::{RevocationId, Revoked};

/// The load to compute costs for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Users who are logged in at the same time: live sessions.
    pub users: f64,
    /// Requests per second that use a session, of all users together.
    pub requests_per_second: f64,
    /// Which part of these changes the session: 0 to 1.
    pub writes_per_request: f64,
    /// Milliseconds to the store and back, on top of what was measured.
    pub round_trip_millis: f64,
    /// What a browser sends in a second, in megabits.
    pub uplink_megabits: f64,
    /// Which part of the sessions ends by a logout rather than by expiring: 0 to 1.
    pub logouts_per_session: f64,
}

impl Default for Load {
    /// 100,000 users, 1,000 requests a second of which a tenth changes the session, a
    /// store 0.5 ms away, 10 Mbit/s from the browser, one logout in ten sessions.
    fn default() -> Self {
        Self {
            users: 100_000.0,
            requests_per_second: 1_000.0,
            writes_per_request: 0.1,
            round_trip_millis: 0.5,
            uplink_megabits: 10.0,
            logouts_per_session: 0.1,
        }
    }
}

/// What machines can do and cost. Round numbers to be changed, not measurements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumptions {
    /// Cores of an application server.
    pub server_cores: f64,
    /// Memory that an application server has for its copy of the revocations, in GiB.
    pub server_list_gibibytes: f64,
    /// The network of an application server, in gigabits per second.
    pub server_gigabits: f64,
    /// Operations that one store server does in a second.
    pub store_operations: f64,
    /// What one store server can keep, in GiB.
    pub store_gibibytes: f64,
    /// The price of a core for a month.
    pub price_core_month: f64,
    /// The price of a GiB of a store for a month.
    pub price_gibibyte_month: f64,
    /// The price of a gigabyte that leaves for the internet.
    pub price_gigabyte_out: f64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            server_cores: 16.0,
            server_list_gibibytes: 4.0,
            server_gigabits: 10.0,
            store_operations: 100_000.0,
            store_gibibytes: 64.0,
            price_core_month: 20.0,
            price_gibibyte_month: 3.0,
            price_gigabyte_out: 0.05,
        }
    }
}

/// A formula of the cost model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Formula {
    /// What it gives: a field of [`Cost`], or what stands in another formula.
    pub name: String,
    /// The formula.
    pub text: String,
}

/// The formulas, each as the code computes it.
pub const FORMULAS: [(&str, &str); 14] = [
    (
        "mixed(x)",
        "(1 − writes) × x of a read + writes × x of a change; each x the mean of the samples that the strategy carries",
    ),
    (
        "reissues",
        "min(requests/s, users × 10 ÷ idle): a cookie is issued anew when a tenth of the idle timeout has passed",
    ),
    (
        "bytes_up_per_day",
        "requests/s × 86,400 × length of the line Cookie",
    ),
    (
        "bytes_down_per_day",
        "86,400 × (requests/s × writes × length of the line Set-Cookie of a change + reissues × length of the first line Set-Cookie)",
    ),
    (
        "cores",
        "requests/s × mixed(time of a request, without the wait for a remote store)",
    ),
    (
        "revocations",
        "users × logouts per session; 0 without a store",
    ),
    (
        "list_bytes_per_server",
        "revocations × (72 + 1) ÷ 0.7: an entry of a hash map at its mean load",
    ),
    (
        "servers",
        "max(1, ⌈cores ÷ cores of a server⌉, ⌈bits per second ÷ network of a server⌉)",
    ),
    (
        "store_operations_per_second",
        "requests/s × mixed(round trips) + servers ÷ 5 s for the list of revocations",
    ),
    (
        "store_bytes",
        "users × mean bytes at rest of a session + revocations × 72; the record where rest was not measured, and 0 for a session in the cookie",
    ),
    (
        "store_servers",
        "max(1, ⌈store operations ÷ operations of a store server⌉, ⌈store bytes ÷ what it can keep⌉); 0 without a store",
    ),
    (
        "request_millis",
        "mixed(time of a request) + mixed(round trips) × round trip + length of the line Cookie × 8 ÷ uplink",
    ),
    (
        "price_per_month",
        "cores × price of a core + store GiB × price of a GiB + 30 × GB down per day × price of a GB",
    ),
    (
        "breaks",
        "capacity of one server ÷ what one user needs of it; the smallest breaks first",
    ),
];

/// What a load costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// What was assumed.
    pub assumptions: Assumptions,
    /// [`FORMULAS`].
    pub formulas: Vec<Formula>,
    /// The load that was given, by each strategy and store.
    pub at_load: Vec<Cost>,
    /// The same with more and more users, who do as much each.
    pub scale: Vec<Cost>,
    /// What breaks first.
    pub breaks: Vec<Break>,
}

/// What one strategy costs with one number of users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// The strategy.
    pub way: Way,
    /// The store; `None` for the cookie alone.
    pub store: Option<String>,
    /// The users.
    pub users: f64,
    /// Samples that it carries; the costs are those of these.
    pub carried: usize,
    /// Samples in all.
    pub samples: usize,
    /// From browsers to servers.
    pub bytes_up_per_day: f64,
    /// From servers to browsers.
    pub bytes_down_per_day: f64,
    /// Cores that are busy with sessions.
    pub cores: f64,
    /// Application servers.
    pub servers: f64,
    /// Each server's copy of the list of revocations.
    pub list_bytes_per_server: f64,
    /// Calls of the store.
    pub store_operations_per_second: f64,
    /// What the store keeps.
    pub store_bytes: f64,
    /// Store servers.
    pub store_servers: f64,
    /// What a session adds to a request, in milliseconds.
    pub request_millis: f64,
    /// In the currency of the assumptions.
    pub price_per_month: f64,
}

/// With how many users a strategy outgrows one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// The strategy.
    pub way: Way,
    /// The store; `None` for the cookie alone.
    pub store: Option<String>,
    /// What one server runs out of first: another one beside it helps.
    pub first: Outgrown,
    /// What all servers share and run out of first: more servers do not help. `None` where
    /// they share nothing.
    pub shared: Option<Outgrown>,
    /// The same in words.
    pub text: String,
}

/// Something that there is not enough of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outgrown {
    /// Of what.
    pub resource: Resource,
    /// From how many users on.
    pub users: f64,
}

/// What there may not be enough of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// The cores of an application server.
    ServerCores,
    /// The network of an application server.
    ServerNetwork,
    /// The memory of every application server for the list of revocations.
    ListMemory,
    /// The operations of a store server.
    StoreOperations,
    /// The memory of a store server.
    StoreMemory,
}

impl Resource {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServerCores => "the cores of a server",
            Self::ServerNetwork => "the network of a server",
            Self::ListMemory => "every server's copy of the list of revocations",
            Self::StoreOperations => "the operations of a store server",
            Self::StoreMemory => "the memory of a store server",
        }
    }
}

/// From one server to the size of the internet.
const SCALE: [f64; 7] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const DAY: f64 = 86_400.0;
const GIBIBYTE: f64 = 1_073_741_824.0;
/// Seconds between two renewals of a server's copy of the list.
const SYNC: f64 = 5.0;

/// What an entry of the list takes, wherever it is.
fn entry_bytes() -> f64 {
    size_of::<(RevocationId, Revoked)>() as f64
}

/// Of a request of this load, from what a read and a change take.
pub(super) fn mixed(load: &Load, read: f64, change: f64) -> f64 {
    (1.0 - load.writes_per_request) * read + load.writes_per_request * change
}

/// What a request waits for its session, in milliseconds.
pub(super) fn request_millis(load: &Load, work: f64, trips: f64, header_bytes: f64) -> f64 {
    let uplink = load.uplink_megabits * 1_000.0; // bits per millisecond
    work + trips * load.round_trip_millis + header_bytes * 8.0 / uplink
}

/// The costs of every strategy that carries any of the samples.
pub(super) fn costs(
    samples: &[SampleReport],
    load: &Load,
    assumptions: &Assumptions,
    idle_seconds: f64,
) -> Costs {
    let means = means(samples, load);
    let cost = |mean: &Mean, users| mean.cost(load, assumptions, idle_seconds, users);
    let scale = SCALE.iter();
    Costs {
        assumptions: assumptions.clone(),
        formulas: FORMULAS
            .iter()
            .map(|(name, text)| Formula {
                name: (*name).to_owned(),
                text: (*text).to_owned(),
            })
            .collect(),
        at_load: means.iter().map(|mean| cost(mean, load.users)).collect(),
        scale: scale
            .flat_map(|users| means.iter().map(|mean| cost(mean, *users)))
            .collect(),
        breaks: means
            .iter()
            .map(|mean| mean.breaks(load, assumptions, idle_seconds))
            .collect(),
    }
}

/// A mean session by one strategy.
struct Mean {
    way: Way,
    store: Option<String>,
    carried: usize,
    samples: usize,
    up: f64,
    down_change: f64,
    down_first: f64,
    at_rest: f64,
    trips: f64,
    /// Milliseconds of a request.
    time: f64,
    /// Milliseconds of it that are work of the server.
    work: f64,
}

fn means(samples: &[SampleReport], load: &Load) -> Vec<Mean> {
    let mut keys: Vec<(Way, Option<String>)> = Vec::new();
    for way in samples.iter().flat_map(|sample| &sample.ways) {
        let key = (way.way, way.store.clone());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.sort_by_key(|(way, _)| *way);
    let of = |(way, store): (Way, Option<String>)| {
        let found = samples.iter().filter_map(|sample| {
            let is = |it: &&WayReport| it.way == way && it.store == store;
            sample.ways.iter().find(is)
        });
        let measured = found.filter(|it| it.read.is_some() && it.change.is_some());
        let rows: Vec<&WayReport> = measured.collect();
        let mean = |of: &dyn Fn(&WayReport) -> f64| {
            rows.iter().map(|row| of(row)).sum::<f64>() / (rows.len() as f64)
        };
        let p50 = |latency: Option<super::report::Latency>| latency.map_or(0.0, |it| it.p50);
        let work = |row: &WayReport| {
            let of = |per_second: f64| {
                if per_second > 0.0 {
                    1e3 / per_second
                } else {
                    0.0
                }
            };
            let per_core = row.per_core.unwrap_or_default();
            mixed(load, of(per_core.read), of(per_core.change))
        };
        let at_rest = |row: &WayReport| match row.lives {
            Lives::Cookie => 0.0,
            Lives::Store => row.at_rest_bytes.unwrap_or(row.record_bytes as f64),
        };
        (!rows.is_empty()).then(|| Mean {
            carried: rows.len(),
            samples: samples.len(),
            up: mean(&|row| row.request_header_bytes as f64),
            down_change: mean(&|row| row.change_response_header_bytes as f64),
            down_first: mean(&|row| row.first_response_header_bytes as f64),
            at_rest: mean(&at_rest),
            trips: mean(&|row| mixed(load, row.round_trips.read, row.round_trips.change)),
            time: mean(&|row| mixed(load, p50(row.read), p50(row.change)) / 1e6),
            work: mean(&work),
            way,
            store,
        })
    };
    keys.into_iter().filter_map(of).collect()
}

impl Mean {
    fn cost(&self, load: &Load, assumptions: &Assumptions, idle: f64, users: f64) -> Cost {
        let requests = load.requests_per_second * users / load.users;
        let reissues = requests.min(users * 10.0 / idle);
        let up = requests * self.up;
        let down =
            requests * load.writes_per_request * self.down_change + reissues * self.down_first;
        let cores = requests * self.work / 1e3;
        let has_store = self.store.is_some();
        let revocations = if has_store {
            users * load.logouts_per_session
        } else {
            0.0
        };
        let link = assumptions.server_gigabits * 1e9;
        let servers = (cores / assumptions.server_cores)
            .max(up.max(down) * 8.0 / link)
            .ceil()
            .max(1.0);
        let sync = if has_store { servers / SYNC } else { 0.0 };
        let store_operations = requests * self.trips + sync;
        let store_bytes = users * self.at_rest + revocations * entry_bytes();
        let store_servers = if has_store {
            (store_operations / assumptions.store_operations)
                .max(store_bytes / (assumptions.store_gibibytes * GIBIBYTE))
                .ceil()
                .max(1.0)
        } else {
            0.0
        };
        Cost {
            way: self.way,
            store: self.store.clone(),
            users,
            carried: self.carried,
            samples: self.samples,
            bytes_up_per_day: up * DAY,
            bytes_down_per_day: down * DAY,
            cores,
            servers,
            list_bytes_per_server: revocations * (entry_bytes() + 1.0) / 0.7,
            store_operations_per_second: store_operations,
            store_bytes,
            store_servers,
            request_millis: request_millis(load, self.time, self.trips, self.up),
            price_per_month: cores * assumptions.price_core_month
                + store_bytes / GIBIBYTE * assumptions.price_gibibyte_month
                + 30.0 * down * DAY / 1e9 * assumptions.price_gigabyte_out,
        }
    }

    fn breaks(&self, load: &Load, assumptions: &Assumptions, idle: f64) -> Break {
        // Everything but the renewals of the list grows with the users.
        let many = 1e9;
        let cost = self.cost(load, assumptions, idle, many);
        let sync = if self.store.is_some() {
            cost.servers / SYNC
        } else {
            0.0
        };
        let bits = cost.bytes_up_per_day.max(cost.bytes_down_per_day) / DAY * 8.0;
        let needs = [
            (Resource::ServerCores, cost.cores, assumptions.server_cores),
            (
                Resource::ServerNetwork,
                bits,
                assumptions.server_gigabits * 1e9,
            ),
            (
                Resource::ListMemory,
                cost.list_bytes_per_server,
                assumptions.server_list_gibibytes * GIBIBYTE,
            ),
            (
                Resource::StoreOperations,
                cost.store_operations_per_second - sync,
                assumptions.store_operations,
            ),
            (
                Resource::StoreMemory,
                cost.store_bytes,
                assumptions.store_gibibytes * GIBIBYTE,
            ),
        ];
        let smallest = |shared: bool| {
            let found = needs.iter().filter(|(resource, need, _)| {
                let alone = matches!(resource, Resource::ServerCores | Resource::ServerNetwork);
                *need > 0.0 && alone != shared
            });
            let outgrown = found.map(|(resource, need, capacity)| Outgrown {
                resource: *resource,
                users: (many * capacity / need).floor(),
            });
            outgrown.min_by(|a, b| a.users.total_cmp(&b.users))
        };
        let none = Outgrown {
            resource: Resource::ServerCores,
            users: many,
        };
        let (first, shared) = (smallest(false).unwrap_or(none), smallest(true));
        let carries = if self.carried < self.samples {
            let missing = self.samples.saturating_sub(self.carried);
            format!("does not carry {missing} of {} samples; ", self.samples)
        } else {
            String::new()
        };
        let beyond = shared.map_or_else(
            || "shares nothing, so more servers are all it needs".to_owned(),
            |it| format!("{} by {}", it.resource.as_str(), users(it.users)),
        );
        let text = format!(
            "{carries}one server: {} by {}; all servers: {beyond}",
            first.resource.as_str(),
            users(first.users)
        );
        Break {
            way: self.way,
            store: self.store.clone(),
            first,
            shared,
            text,
        }
    }
}

/// `3.2 million users`.
fn users(users: f64) -> String {
    let (number, unit) = match users {
        many if many >= 1e9 => (many / 1e9, " billion"),
        many if many >= 1e6 => (many / 1e6, " million"),
        few => (few, ""),
    };
    if unit.is_empty() || number >= 100.0 {
        format!("{number:.0}{unit} users")
    } else {
        format!("{number:.1}{unit} users")
    }
}

#[cfg(test)]
#[allow(
    clippy::float_cmp,
    reason = "whole numbers, which floats carry exactly"
)]
mod tests {
    use super::*;

    fn mean(way: Way, store: Option<&str>) -> Mean {
        Mean {
            way,
            store: store.map(str::to_owned),
            carried: 1,
            samples: 1,
            up: 500.0,
            down_change: 600.0,
            down_first: 600.0,
            at_rest: if store.is_some() { 1_024.0 } else { 0.0 },
            trips: if store.is_some() { 2.0 } else { 0.0 },
            time: 0.02,
            work: 0.01,
        }
    }

    #[test]
    fn the_formulas_give_what_a_calculation_by_hand_gives() {
        let (load, assumptions) = (Load::default(), Assumptions::default());
        let cost = mean(Way::Store, Some("memory")).cost(&load, &assumptions, 1_800.0, 1e5);
        assert_eq!(cost.bytes_up_per_day, 1_000.0 * 86_400.0 * 500.0);
        // 100 changes and 555.6 renewals a second.
        let down = 86_400.0 * (100.0 * 600.0 + 1e6 / 1_800.0 * 600.0);
        assert!((cost.bytes_down_per_day - down).abs() < 1.0);
        assert!((cost.cores - 0.01).abs() < 1e-12);
        assert_eq!((cost.servers, cost.store_servers), (1.0, 1.0));
        assert!((cost.store_operations_per_second - 2_000.2).abs() < 1e-9);
        assert_eq!(cost.store_bytes, 1e5 * 1_024.0 + 1e4 * 72.0);
        assert!((cost.list_bytes_per_server - 1e4 * 73.0 / 0.7).abs() < 1e-6);
        // 0.02 of work, twice half a millisecond, 4,000 bits at 10,000 a millisecond.
        assert!((cost.request_millis - 1.42).abs() < 1e-9);
        assert_eq!(entry_bytes(), 72.0);
    }

    #[test]
    fn a_cookie_shares_nothing_and_a_store_is_outgrown_by_what_it_has_least_of() {
        let (load, assumptions) = (Load::default(), Assumptions::default());
        let cookie = mean(Way::Cookie, None).breaks(&load, &assumptions, 1_800.0);
        assert_eq!(cookie.shared, None);
        assert_eq!(cookie.first.resource, Resource::ServerCores);
        let stored = mean(Way::Store, Some("x")).breaks(&load, &assumptions, 1_800.0);
        let shared = stored.shared.unwrap();
        // 2 operations per request, and a user makes a request in 100 seconds.
        assert_eq!(shared.resource, Resource::StoreOperations);
        assert_eq!(shared.users, 5e6);
        assert!(stored.text.contains("5.0 million users"), "{}", stored.text);
    }
}
