//! The report's tables, for whatever writes them.

use sealed_session::compare::{
    Report,
    cost::Cost,
    properties::{About, Document, Evidence, Property},
    report::{Latency, SampleReport, WayReport},
};

use super::format::{bytes, count, spread, strategy, three, time};

/// A table: what stands above each column, and the cells.
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A cell, and by what it is sorted if that is a number.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) key: Option<f64>,
}

impl Cell {
    fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { text, key: None }
    }

    fn number(key: f64, text: String) -> Self {
        let key = Some(key);
        Self { text, key }
    }

    fn bytes(number: f64) -> Self {
        Self::number(number, bytes(number))
    }

    fn whole(number: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "to be sorted by")]
        let key = number as f64;
        Self::number(key, crate::style::grouped(number))
    }

    fn count(number: f64) -> Self {
        Self::number(number, count(number))
    }

    /// What was not measured.
    fn none() -> Self {
        Self::number(-1.0, "–".to_owned())
    }

    fn latency(latency: Option<Latency>, show: impl Fn(&Latency) -> String) -> Self {
        latency.map_or_else(Self::none, |it| Self::number(it.p50, show(&it)))
    }
}

/// Whether each sample fits its cookie.
pub(super) fn fits(report: &Report) -> Table {
    let row = |sample: &SampleReport| {
        let cookie = &sample.cookie;
        let fits = match (cookie.fits, cookie.compressed) {
            (true, false) => "yes",
            (true, true) => "compressed",
            (false, _) => "no",
        };
        vec![
            Cell::text(&sample.name),
            sample.json_bytes.map_or_else(Cell::none, Cell::whole),
            Cell::whole(sample.encoded_bytes),
            Cell::whole(cookie.cookie_bytes),
            Cell::text(fits),
            Cell::whole(cookie.spare),
        ]
    };
    Table {
        caption: format!(
            "Bytes of each session, and of its cookie's name and value, of which browsers keep {}",
            report.method.cookie_limit
        ),
        head: vec!["session", "JSON", "sealed data", "cookie", "fits", "spare"],
        rows: report.samples.iter().map(row).collect(),
    }
}

/// What a request costs by each strategy, in bytes.
pub(super) fn sizes(report: &Report) -> Table {
    let row = |sample: &SampleReport, way: &WayReport| {
        vec![
            Cell::text(&sample.name),
            Cell::text(strategy(way.way, way.store.as_deref())),
            Cell::text(match way.lives {
                sealed_session::compare::report::Lives::Cookie => "cookie",
                sealed_session::compare::report::Lives::Store => "store",
            }),
            Cell::whole(way.request_header_bytes),
            Cell::whole(way.first_response_header_bytes),
            Cell::whole(way.change_response_header_bytes),
            Cell::whole(way.record_bytes),
            way.at_rest_bytes.map_or_else(Cell::none, |it| {
                Cell::number(it, crate::style::grouped(rounded(it)))
            }),
            Cell::number(
                way.round_trips.read,
                format!(
                    "{} / {}",
                    three(way.round_trips.read),
                    three(way.round_trips.change)
                ),
            ),
        ]
    };
    Table {
        caption: "Bytes per request, and what the store is given and takes; calls of the store \
                  per request that reads / changes"
            .to_owned(),
        head: vec![
            "session",
            "strategy",
            "lives in",
            "request",
            "first response",
            "response to a change",
            "record",
            "at rest",
            "store calls",
        ],
        rows: each_way(report, row),
    }
}

/// How long requests take by each strategy.
pub(super) fn times(report: &Report) -> Table {
    let row = |sample: &SampleReport, way: &WayReport| {
        let p99 = |latency| Cell::latency(latency, |it: &Latency| time(it.p99));
        let per_core = way.per_core.map_or_else(Cell::none, |it| {
            Cell::number(
                it.read,
                format!("{} / {}", count(it.read.round()), count(it.change.round())),
            )
        });
        let allocations = way.allocations.map_or_else(Cell::none, |it| {
            #[expect(clippy::cast_precision_loss, reason = "to be sorted by")]
            let key = it.read.count as f64;
            Cell::number(key, format!("{} / {}", it.read.count, it.change.count))
        });
        vec![
            Cell::text(&sample.name),
            Cell::text(strategy(way.way, way.store.as_deref())),
            Cell::latency(way.read, spread),
            p99(way.read),
            Cell::latency(way.change, spread),
            p99(way.change),
            Cell::latency(way.open.or(way.load), spread),
            Cell::latency(way.seal.or(way.save), spread),
            per_core,
            allocations,
        ]
    };
    Table {
        caption: "Time of a request that reads and of one that changes the session: median and \
                  spread, and 99th percentile. Open and seal alone for a session in the cookie, \
                  load and save inside the store for one that is kept there. Requests per second \
                  on one core, and allocations, of a read / a change"
            .to_owned(),
        head: vec![
            "session",
            "strategy",
            "read",
            "read p99",
            "change",
            "change p99",
            "open or load",
            "seal or save",
            "per core",
            "allocations",
        ],
        rows: each_way(report, row),
    }
}

/// Where the strategies cross.
pub(super) fn crossings(report: &Report) -> Table {
    let row = |crossing: &sealed_session::compare::report::Crossing| {
        vec![
            crossing.payload_bytes.map_or_else(Cell::none, Cell::whole),
            Cell::text(&crossing.text),
        ]
    };
    Table {
        caption: format!(
            "Where the strategies cross; payload: {}",
            report.sweep.payload
        ),
        head: vec!["payload bytes", "what happens there"],
        rows: report.sweep.crossings.iter().map(row).collect(),
    }
}

/// What the load costs.
pub(super) fn costs(report: &Report) -> Table {
    let load = &report.load;
    let costs = report.costs.iter().flat_map(|costs| &costs.at_load);
    Table {
        caption: format!(
            "{} users, {} requests/s of which {} change the session, {} ms to the store",
            count(load.users),
            count(load.requests_per_second),
            three(load.writes_per_request),
            three(load.round_trip_millis)
        ),
        head: COST_HEAD.to_vec(),
        rows: costs.map(cost_row).collect(),
    }
}

/// The same with more and more users.
pub(super) fn scale(report: &Report) -> Table {
    let costs = report.costs.iter().flat_map(|costs| &costs.scale);
    let rows = costs.map(|cost| {
        let mut row = vec![Cell::count(cost.users)];
        row.extend(cost_row(cost));
        row
    });
    let mut head = vec!["users"];
    head.extend(COST_HEAD);
    Table {
        caption: "The same load per user, from one server to the size of the internet".to_owned(),
        head,
        rows: rows.collect(),
    }
}

const COST_HEAD: [&str; 11] = [
    "strategy",
    "samples carried",
    "up per day",
    "down per day",
    "cores",
    "servers",
    "revocation list on each",
    "store calls/s",
    "store keeps",
    "store servers",
    "ms per request",
];

fn cost_row(cost: &Cost) -> Vec<Cell> {
    vec![
        Cell::text(strategy(cost.way, cost.store.as_deref())),
        Cell::text(format!("{} of {}", cost.carried, cost.samples)),
        Cell::bytes(cost.bytes_up_per_day),
        Cell::bytes(cost.bytes_down_per_day),
        Cell::number(cost.cores, three(cost.cores)),
        Cell::count(cost.servers),
        Cell::bytes(cost.list_bytes_per_server),
        Cell::count(cost.store_operations_per_second),
        Cell::bytes(cost.store_bytes),
        Cell::count(cost.store_servers),
        Cell::number(cost.request_millis, three(cost.request_millis)),
    ]
}

/// What it costs in money, by the assumed prices.
pub(super) fn prices(report: &Report) -> Table {
    let costs = report.costs.iter().flat_map(|costs| &costs.at_load);
    let row = |cost: &Cost| {
        vec![
            Cell::text(strategy(cost.way, cost.store.as_deref())),
            Cell::number(cost.price_per_month, three(cost.price_per_month)),
        ]
    };
    let caption = report.costs.as_ref().map(|costs| {
        let it = &costs.assumptions;
        format!(
            "Price of the load per month, at {} for a core, {} for a GiB of store and {} for a \
             GB that leaves; assumed, not measured",
            three(it.price_core_month),
            three(it.price_gibibyte_month),
            three(it.price_gigabyte_out)
        )
    });
    Table {
        caption: caption.unwrap_or_default(),
        head: vec!["strategy", "price per month"],
        rows: costs.map(row).collect(),
    }
}

/// What breaks first.
pub(super) fn breaks(report: &Report) -> Table {
    let row = |it: &sealed_session::compare::cost::Break| {
        vec![
            Cell::text(strategy(it.way, it.store.as_deref())),
            Cell::count(it.first.users),
            it.shared
                .map_or_else(Cell::none, |it| Cell::count(it.users)),
            Cell::text(&it.text),
        ]
    };
    let caption = report.costs.as_ref().map(|costs| {
        let it = &costs.assumptions;
        format!(
            "What breaks first, with servers of {} cores, {} Gbit/s and {} GiB for the list of \
             revocations, and store servers of {} operations/s and {} GiB; assumed, not measured",
            three(it.server_cores),
            three(it.server_gigabits),
            three(it.server_list_gibibytes),
            count(it.store_operations),
            three(it.store_gibibytes)
        )
    });
    Table {
        caption: caption.unwrap_or_default(),
        head: vec![
            "strategy",
            "users of one server",
            "users of all servers",
            "what breaks first",
        ],
        rows: report
            .costs
            .iter()
            .flat_map(|costs| &costs.breaks)
            .map(row)
            .collect(),
    }
}

/// The formulas of the costs.
pub(super) fn formulas(report: &Report) -> Table {
    let formulas = report.costs.iter().flat_map(|costs| &costs.formulas);
    Table {
        caption: "How the costs are computed".to_owned(),
        head: vec!["what", "formula"],
        rows: formulas
            .map(|it| vec![Cell::text(&it.name), Cell::text(&it.text)])
            .collect(),
    }
}

/// What is claimed, and what was found.
pub(super) fn properties(report: &Report) -> Table {
    let row = |it: &Property| {
        vec![
            Cell::text(&it.topic),
            Cell::text(claims(it)),
            Cell::text(&it.run),
            Cell::text(&it.cookie),
            Cell::text(&it.store),
            Cell::text(&it.automatic),
            Cell::text(format!("{}: {}", it.verdict.as_str(), it.because)),
            Cell::text(evidence(it)),
        ]
    };
    Table {
        caption: "What two widely read comparisons claim, and what they leave out, beside what \
                  was found when it was run"
            .to_owned(),
        head: vec![
            "property",
            "claimed",
            "what was run",
            "cookie",
            "store",
            "automatic",
            "verdict",
            "evidence",
        ],
        rows: report.properties.iter().map(row).collect(),
    }
}

/// The claims in one line.
pub(super) fn claims(property: &Property) -> String {
    let shown = property.claims.iter().map(|claim| {
        let of = match claim.of {
            About::Cookie => "cookie",
            About::Session => "session",
        };
        let by = match claim.by {
            Document::General => "",
            Document::Express => " (Express)",
        };
        format!("{of}: {}{by}", claim.text)
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() {
        return "–".to_owned();
    }
    shown.join("; ")
}

pub(super) fn evidence(property: &Property) -> String {
    let shown = property.evidence.iter().map(|it| match it {
        Evidence::Run { .. } => "run for this report".to_owned(),
        Evidence::Recorded {
            with,
            command,
            recorded,
            ..
        } => format!("{with}, {recorded}, {command}"),
        Evidence::Failed { why } => format!("failed: {why}"),
        Evidence::Missing { record } => format!("not recorded yet: {record}"),
    });
    shown.collect::<Vec<_>>().join("; ")
}

/// The rules of the recommendation.
pub(super) fn rules(report: &Report) -> Table {
    let rules = report.recommendation.iter().flat_map(|it| &it.rules);
    let row = |rule: &sealed_session::compare::recommend::Rule| {
        vec![
            Cell::text(format!("if {}", rule.when)),
            Cell::text(rule.then.as_str()),
            Cell::text(&rule.why),
            Cell::text(&rule.found),
            Cell::text(if rule.applies { "applies" } else { "no" }),
        ]
    };
    Table {
        caption: "The first rule that applies decides".to_owned(),
        head: vec!["rule", "strategy", "why", "found", ""],
        rows: rules.map(row).collect(),
    }
}

/// The same sessions with Express; `None` if that was not recorded.
pub(super) fn express(report: &Report) -> Option<Table> {
    let express = report.express.as_ref()?;
    let rows = express.measured.iter().map(|it| {
        vec![
            Cell::text(&it.sample),
            Cell::text(&it.package),
            Cell::whole(it.cookie_bytes),
            Cell::text(if it.fits { "yes" } else { "no" }),
            it.stored_bytes.map_or_else(Cell::none, Cell::whole),
            Cell::count(it.reads_per_second.round()),
            Cell::count(it.changes_per_second.round()),
        ]
    });
    Some(Table {
        caption: format!(
            "The same sessions with {} on Node.js {}, {}, recorded on {} by {}",
            express.packages.join(", "),
            express.node,
            express.machine,
            express.recorded,
            express.command
        ),
        head: vec![
            "session",
            "package",
            "cookie",
            "browsers keep it",
            "stored",
            "reads/s",
            "changes/s",
        ],
        rows: rows.collect(),
    })
}

fn each_way(
    report: &Report,
    row: impl Fn(&SampleReport, &WayReport) -> Vec<Cell>,
) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for sample in &report.samples {
        rows.extend(sample.ways.iter().map(|way| row(sample, way)));
    }
    rows
}

fn rounded(number: f64) -> usize {
    format!("{number:.0}").parse().unwrap_or_default()
}
