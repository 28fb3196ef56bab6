//! Plots as SVG: both axes logarithmic, lines told apart by colour, dash and mark.

use core::fmt::Write as _;

use sealed_session::compare::{
    Report,
    report::{CrossingKind, Latency, Way},
};

use super::{
    format::{bytes, count, strategy, time},
    html::escaped,
};

/// A line of a plot.
pub(super) struct Series {
    pub(super) name: String,
    /// Which colour, dash and mark: the same strategy and store has the same everywhere.
    pub(super) style: usize,
    points: Vec<Point>,
}

impl Series {
    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}

struct Point {
    x: f64,
    y: f64,
    /// The spread, where there is one.
    low: Option<(f64, f64)>,
}

/// A plot before it is drawn.
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) description: String,
    x: Axis,
    y: Axis,
    pub(super) series: Vec<Series>,
    /// Sizes at which something changes, with their number in the list of crossings.
    verticals: Vec<(f64, String)>,
    /// A limit.
    horizontal: Option<(f64, String)>,
}

struct Axis {
    label: &'static str,
    low: f64,
    high: f64,
    ticks: Vec<(f64, String)>,
}

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 26.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 48.0;

/// Size against payload.
pub(super) fn sizes(report: &Report) -> Plot {
    let header = |way: Way, store: Option<&str>| {
        points(report, way, store, |it| {
            Some((to_f64(it.request_header_bytes), None))
        })
    };
    let first = report.method.stores.first().map(String::as_str);
    let series = [
        (Way::Cookie, None),
        (Way::Store, first),
        (Way::Automatic, first),
    ];
    let series = series.into_iter().map(|(way, store)| Series {
        name: way.as_str().to_owned(),
        style: style(report, way, store),
        points: header(way, store),
    });
    let kinds = [
        CrossingKind::CookieIsLonger,
        CrossingKind::AutomaticMoves,
        CrossingKind::CookieHolds,
    ];
    let y = powers(1e2, 1e4, "bytes of the line Cookie, per request", |it| {
        short(&bytes(it))
    });
    Plot {
        title: "Size against payload",
        description: "Bytes that each request carries for its session, by the payload's size. \
                      The cookie grows with the payload until it holds no more; the reference to \
                      a store stays the same."
            .to_owned(),
        x: payload_axis(16.0),
        y,
        series: series.collect(),
        verticals: verticals(report, &kinds),
        horizontal: Some((
            to_f64(report.method.cookie_limit),
            format!(
                "{} bytes: browsers keep no more",
                report.method.cookie_limit
            ),
        )),
    }
}

/// Latency against payload.
pub(super) fn latencies(report: &Report) -> Plot {
    let mut ways = vec![(Way::Cookie, None)];
    let stores = report.method.stores.iter().map(String::as_str);
    ways.extend(stores.map(|store| (Way::Store, Some(store))));
    ways.push((
        Way::Automatic,
        report.method.stores.first().map(String::as_str),
    ));
    let latency = |latency: Latency| (latency.p50, Some((latency.low, latency.high)));
    let series = ways.into_iter().map(|(way, store)| Series {
        name: strategy(way, store),
        style: style(report, way, store),
        points: points(report, way, store, |it| it.read.map(latency)),
    });
    let series: Vec<Series> = series.collect();
    let (low, high) = range(&series);
    Plot {
        title: "Latency against payload",
        description: "Time of a request that reads the session, by the payload's size: medians, \
                      and the spread of the rounds as upright lines. No network is between the \
                      process and an embedded store."
            .to_owned(),
        x: payload_axis(64.0),
        y: powers(low, high, "time of a request that reads", |it| {
            short(&time(it))
        }),
        series,
        verticals: verticals(report, &[CrossingKind::CookieHolds]),
        horizontal: None,
    }
}

/// The same with the network of the given load: what its requests wait.
pub(super) fn waits(report: &Report) -> Plot {
    let load = &report.load;
    let mut ways = vec![(Way::Cookie, None)];
    let stores = report.method.stores.iter().map(String::as_str);
    ways.extend(stores.map(|store| (Way::Store, Some(store))));
    let mixed = |read: f64, change: f64| {
        (1.0 - load.writes_per_request) * read + load.writes_per_request * change
    };
    let series = ways.into_iter().map(|(way, store)| Series {
        name: strategy(way, store),
        style: style(report, way, store),
        points: points(report, way, store, |it| {
            let work = mixed(it.read?.p50, it.change?.p50);
            let trips = mixed(it.round_trips.read, it.round_trips.change);
            // A megabit per second is a bit per microsecond.
            let sent = to_f64(it.request_header_bytes) * 8.0 / load.uplink_megabits * 1e3;
            Some((work + trips * load.round_trip_millis * 1e6 + sent, None))
        }),
    });
    let series: Vec<Series> = series.collect();
    let (low, high) = range(&series);
    let kinds = [CrossingKind::CookieHolds, CrossingKind::StoreIsFaster];
    Plot {
        title: "Wait against payload, with the given network",
        description: format!(
            "The same with {} ms to the store for each call and {} Mbit/s from the browser for \
             the line Cookie, for a mean request of the given load. Where a store's line meets \
             the cookie's, the store answers sooner.",
            load.round_trip_millis, load.uplink_megabits
        ),
        x: payload_axis(64.0),
        y: powers(low, high, "time of a mean request", |it| short(&time(it))),
        series,
        verticals: verticals(report, &kinds),
        horizontal: None,
    }
}

/// Bytes per day against users.
pub(super) fn traffic(report: &Report) -> Plot {
    let mut series: Vec<Series> = Vec::new();
    let costs = report.costs.iter().flat_map(|costs| &costs.scale);
    for cost in costs {
        let store = cost.store.as_deref();
        // A strategy sends the same whatever the store is.
        if store != report.method.stores.first().map(String::as_str) && store.is_some() {
            continue;
        }
        let point = Point {
            x: cost.users,
            y: cost.bytes_up_per_day + cost.bytes_down_per_day,
            low: None,
        };
        let style = style(report, cost.way, store);
        match series.iter_mut().find(|it| it.style == style) {
            Some(line) => line.points.push(point),
            None => series.push(Series {
                name: cost.way.as_str().to_owned(),
                style,
                points: vec![point],
            }),
        }
    }
    let (low, high) = range(&series);
    Plot {
        title: "Bytes per day against users",
        description: "Bytes that sessions add to the traffic of a day, up and down, by the \
                      number of users, each doing as much as in the given load. Samples that a \
                      strategy does not carry are left out of its line."
            .to_owned(),
        x: powers(1e3, 1e9, "users", |it| short(&count(it))),
        y: powers(low, high, "bytes per day, up and down", |it| {
            short(&bytes(it))
        }),
        series,
        verticals: vec![(report.load.users, "the given load".to_owned())],
        horizontal: None,
    }
}

/// The plot as an `svg` element.
pub(super) fn svg(plot: &Plot, id: &str) -> String {
    let mut svg = String::new();
    // Writing to a String does not fail.
    let _ = draw(plot, id, &mut svg);
    svg
}

fn draw(plot: &Plot, id: &str, out: &mut String) -> core::fmt::Result {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    writeln!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
        escaped(plot.title),
        escaped(&plot.description)
    )?;
    for (value, label) in &plot.x.ticks {
        let x = plot.x(*value);
        writeln!(
            out,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
             <text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 16.0,
            escaped(label)
        )?;
    }
    for (value, label) in &plot.y.ticks {
        let y = plot.y(*value);
        writeln!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            escaped(label)
        )?;
    }
    writeln!(
        out,
        "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text class=\"label\" x=\"{LEFT}\" y=\"14\">{}</text>",
        f64::midpoint(LEFT, right),
        HEIGHT - 10.0,
        escaped(plot.x.label),
        escaped(plot.y.label)
    )?;
    if let Some((value, label)) = &plot.horizontal {
        let y = plot.y(*value);
        writeln!(
            out,
            "<line class=\"limit\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT + 80.0,
            y - 5.0,
            escaped(label)
        )?;
    }
    let mut last = f64::NEG_INFINITY;
    for (value, label) in &plot.verticals {
        let x = plot.x(*value);
        // Two that are close do not write over each other.
        let y = if x - last < 16.0 {
            TOP + 30.0
        } else {
            TOP + 12.0
        };
        last = x;
        writeln!(
            out,
            "<line class=\"cross\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\">\
             <title>{}</title></line>",
            escaped(label)
        )?;
        let shown: String = label.split(':').next().unwrap_or_default().to_owned();
        let (anchor, beside) = if x > right - 60.0 {
            ("end", -4.0)
        } else {
            ("start", 4.0)
        };
        writeln!(
            out,
            "<text class=\"note\" x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            x + beside,
            escaped(&shown)
        )?;
    }
    for series in &plot.series {
        draw_series(plot, series, out)?;
    }
    out.push_str("</svg>\n");
    Ok(())
}

fn draw_series(plot: &Plot, series: &Series, out: &mut String) -> core::fmt::Result {
    let style = series.style;
    writeln!(out, "<g class=\"s s{style}\">")?;
    let line: Vec<String> = series
        .points
        .iter()
        .map(|point| format!("{:.1},{:.1}", plot.x(point.x), plot.y(point.y)))
        .collect();
    writeln!(out, "<polyline points=\"{}\"/>", line.join(" "))?;
    for point in &series.points {
        let (x, y) = (plot.x(point.x), plot.y(point.y));
        if let Some((low, high)) = point.low {
            let (low, high) = (plot.y(low), plot.y(high));
            writeln!(
                out,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{low:.1}\" y2=\"{high:.1}\"/>"
            )?;
        }
        out.push_str(&mark(style, x, y));
    }
    out.push_str("</g>\n");
    Ok(())
}

/// A mark that is told apart without its colour.
pub(super) fn mark(style: usize, x: f64, y: f64) -> String {
    const R: f64 = 3.2;
    match style % 4 {
        0 => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{R}\"/>"),
        1 => format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"6\" height=\"6\"/>",
            x - 3.0,
            y - 3.0
        ),
        2 => format!("<path d=\"M{x:.1} {:.1}l4 7h-8z\"/>", y - 4.0),
        _ => format!("<path d=\"M{x:.1} {:.1}l4 4l-4 4l-4-4z\"/>", y - 4.0),
    }
}

impl Plot {
    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.part(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.part(value) * (HEIGHT - TOP - BOTTOM)
    }
}

impl Axis {
    /// Where the value lies between the ends, 0 to 1.
    fn part(&self, value: f64) -> f64 {
        let part = (value.max(f64::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln();
        part.clamp(0.0, 1.0)
    }
}

fn payload_axis(low: f64) -> Axis {
    let sizes = [16.0, 64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0];
    let labels = ["16", "64", "256", "1 Ki", "4 Ki", "16 Ki", "64 Ki"];
    let ticks = sizes.into_iter().zip(labels.map(str::to_owned));
    Axis {
        label: "bytes of payload",
        low,
        high: 65_536.0,
        ticks: ticks.filter(|(size, _)| *size >= low).collect(),
    }
}

/// From a power of ten to another, with a tick at each or at some.
fn powers(low: f64, high: f64, label: &'static str, show: impl Fn(f64) -> String) -> Axis {
    let first = low.max(1e-9).log10().floor();
    let last = high.max(1e-9).log10().ceil().max(first + 1.0);
    let step = ((last - first) / 7.0).ceil().max(1.0);
    let mut ticks = Vec::new();
    let mut power = first;
    while power <= last {
        let value = 10_f64.powf(power);
        ticks.push((value, show(value)));
        power += step;
    }
    Axis {
        label,
        low: 10_f64.powf(first),
        high: 10_f64.powf(last),
        ticks,
    }
}

/// The smallest and the largest value.
fn range(series: &[Series]) -> (f64, f64) {
    let values = series.iter().flat_map(|it| &it.points).map(|it| it.y);
    let (low, high) = values.fold((f64::INFINITY, 0.0), |(low, high), y| {
        (f64::min(low, y), f64::max(high, y))
    });
    if high > 0.0 { (low, high) } else { (1.0, 10.0) }
}

/// The points of one strategy and store in the sweep.
fn points(
    report: &Report,
    way: Way,
    store: Option<&str>,
    of: impl Fn(&sealed_session::compare::report::SweepWay) -> Option<(f64, Option<(f64, f64)>)>,
) -> Vec<Point> {
    let points = report.sweep.points.iter();
    let found = points.filter_map(|point| {
        let mut ways = point.ways.iter();
        let it = ways.find(|it| it.way == way && it.store.as_deref() == store)?;
        let (y, low) = of(it)?;
        let x = to_f64(point.payload_bytes);
        Some(Point { x, y, low })
    });
    found.collect()
}

fn verticals(report: &Report, kinds: &[CrossingKind]) -> Vec<(f64, String)> {
    let crossings = report.sweep.crossings.iter();
    let found = crossings.filter(|it| kinds.contains(&it.kind));
    let mut found: Vec<(f64, String)> = found
        .filter_map(|it| {
            let at = it.payload_bytes?;
            let of = it
                .store
                .as_deref()
                .map_or(String::new(), |it| format!(" {it}"));
            let label = format!("{}{of}: {}", crate::style::grouped(at), it.text);
            Some((to_f64(at), label))
        })
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
}

/// The cookie is 0, the stores are 1 and on, and the automatic strategy has the last style.
fn style(report: &Report, way: Way, store: Option<&str>) -> usize {
    let place = report
        .method
        .stores
        .iter()
        .position(|it| Some(it.as_str()) == store);
    match way {
        Way::Cookie => 0,
        Way::Store => place.unwrap_or_default().min(4).saturating_add(1),
        Way::Automatic => 6,
    }
}

/// `100 ns` for `100 ns`, `1 kB` for `1.00 kB`.
fn short(text: &str) -> String {
    text.replacen(".00", "", 1).replacen(".0", "", 1)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes far below 2^52, to be drawn"
)]
fn to_f64(size: usize) -> f64 {
    size as f64
}
