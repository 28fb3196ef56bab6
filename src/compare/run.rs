//! From samples and stores to the report.

use std::sync::Arc;

use super::{
    CompareError, Comparison, Target,
    cost::{self, Load},
    kit::Kit,
    measure::{self, Cell},
    properties, recommend,
    report::{
        Allocated, CookieFit, CrossingKind, Machine, Method, PerRequest, REPORT_SCHEMA, Report,
        SampleReport, Sweep, SweepPoint, SweepWay, Trouble, TroubleKind, Way, WayReport,
    },
    sample::{Begun, Op, Sample},
    sweep::{self, Filler},
    target::Space,
    watched::Watched,
};
use crate::{
    EncryptedCodec, Policy, SealError,
    cookie::MAX_NAME_VALUE_LEN,
    keys::{Key, KeyRing},
    manager::SessionError,
    payload::Compression,
    store::{StoreError, memory::MemoryStore},
    time::TestClock,
};

pub(super) async fn run(comparison: Comparison) -> Result<Report, CompareError> {
    check(&comparison)?;
    let mut run = Run::new(comparison)?;
    let mut report = run.empty_report();
    if !run.samples(&mut report).await {
        report.partial = Some("stopped while the samples were measured".to_owned());
    }
    if report.partial.is_none() && !run.sweep(&mut report).await? {
        report.partial = Some("stopped while the payloads were measured".to_owned());
    }
    let given = &run.given;
    if !report.samples.is_empty() {
        let idle = run.kit.idle().as_secs_f64();
        let costs = cost::costs(&report.samples, &given.load, &given.assumptions, idle);
        report.costs = Some(costs);
        report.recommendation = recommend::recommend(
            &report.samples,
            &given.load,
            given.budget,
            given.logout_must_hold,
        );
    }
    if report.partial.is_none() && given.claims {
        let holds = holds(&report.sweep);
        let (kit, recorded, stop) = (&run.kit, &given.recorded, &given.stop);
        report.properties = properties::run(kit, &report.samples, holds, recorded, stop).await;
        if report.properties.len() < properties::ids().count() {
            report.partial = Some("stopped while the claims were run".to_owned());
        }
    }
    for watched in &run.watched {
        watched.clear().await;
    }
    Ok(report)
}

fn check(given: &Comparison) -> Result<(), CompareError> {
    if given.samples.is_empty() {
        return Err(CompareError::NoSample);
    }
    for (place, target) in given.targets.iter().enumerate() {
        let before = given.targets.iter().take(place);
        if before.into_iter().any(|other| other.name == target.name) {
            return Err(CompareError::SameName(target.name.clone()));
        }
    }
    let Load {
        users,
        requests_per_second,
        writes_per_request,
        round_trip_millis,
        uplink_megabits,
        logouts_per_session,
    } = given.load;
    let positive = |number: f64| number.is_finite() && number > 0.0;
    let part = |number: f64| (0.0..=1.0).contains(&number);
    let wrong = match () {
        () if !positive(users) => "users must be above 0",
        () if !positive(requests_per_second) => "requests per second must be above 0",
        () if !part(writes_per_request) => "writes per request must be from 0 to 1",
        () if !part(logouts_per_session) => "logouts per session must be from 0 to 1",
        () if !positive(uplink_megabits) => "the uplink must be above 0",
        () if !round_trip_millis.is_finite() || round_trip_millis < 0.0 => {
            "the round trip must be 0 or more"
        }
        () => return Ok(()),
    };
    Err(CompareError::Load(wrong))
}

struct Run {
    given: Comparison,
    kit: Kit,
    /// Of what browsers keep.
    wide: EncryptedCodec,
    /// The same, compressing what does not fit.
    compressing: EncryptedCodec,
    /// Of what the automatic strategy keeps.
    budgeted: EncryptedCodec,
    space: Space,
    /// Every window that was opened into a store, to clean up behind.
    watched: Vec<Arc<Watched>>,
}

/// What a cell measures.
struct CellKey {
    /// Its place among the samples, or among the payloads.
    row: usize,
    way: Way,
    target: Option<Target>,
    begun: Begun,
    allocated: Option<Allocated>,
}

impl Run {
    fn new(given: Comparison) -> Result<Self, CompareError> {
        let policy = match &given.policy {
            Some(policy) => policy.clone(),
            None => Policy::new(
                core::time::Duration::from_mins(30),
                core::time::Duration::from_hours(24),
            )?,
        };
        let kit = Kit {
            keys: KeyRing::single(Key::generate()?)?,
            policy,
            cookie: given.cookie.clone(),
            budget: given.budget,
            compression: given.compression,
            max_record_bytes: given.max_record_bytes,
            clock: TestClock::at(given.clock.now()),
            monotonic: Arc::clone(&given.monotonic),
        };
        // What no server could be built with is told once, and not by every cell.
        let nowhere = Arc::new(MemoryStore::new());
        kit.manager::<Filler>(Way::Automatic, Some(nowhere))?;
        Ok(Self {
            wide: kit.codec(MAX_NAME_VALUE_LEN)?,
            compressing: kit
                .codec_builder()
                .compression(Compression::dangerous_when_needed())
                .name(kit.cookie.name())
                .build()?,
            budgeted: kit.codec(given.budget)?,
            given,
            kit,
            space: Space::default(),
            watched: Vec::new(),
        })
    }

    fn empty_report(&self) -> Report {
        let given = &self.given;
        let machine = given.machine.clone().unwrap_or_else(|| Machine {
            cpu: None,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            optimized: !cfg!(debug_assertions),
        });
        Report {
            schema: REPORT_SCHEMA,
            partial: None,
            machine,
            method: Method {
                text: METHOD.to_owned(),
                rounds: given.effort.rounds,
                warm_up: given.effort.warm_up(),
                cookie_name: self.kit.cookie.name().to_owned(),
                cookie_limit: MAX_NAME_VALUE_LEN,
                budget: given.budget,
                idle_seconds: self.kit.idle().as_secs(),
                absolute_seconds: self.kit.policy.longest_absolute().as_secs(),
                clock_nanos: measure::clock_nanos(&*self.kit.monotonic),
                stores: given.targets.iter().map(|it| it.name.clone()).collect(),
            },
            load: given.load.clone(),
            samples: Vec::new(),
            sweep: Sweep {
                payload: sweep::PAYLOAD.to_owned(),
                ..Sweep::default()
            },
            costs: None,
            properties: Vec::new(),
            recommendation: None,
            express: given.recorded.express.clone(),
            troubles: Vec::new(),
        }
    }

    /// Measures the samples; `false` if it was stopped.
    async fn samples(&mut self, report: &mut Report) -> bool {
        let samples = self.given.samples.clone();
        let ops = [Op::Read, Op::Change, Op::Seal, Op::Open];
        let mut rows = Vec::new();
        let mut cells = Vec::new();
        for sample in &samples {
            match self.fit(sample) {
                Ok(row) => rows.push(row),
                Err(error) => {
                    report.troubles.push(of_session(sample.name(), &error));
                    continue;
                }
            }
            let row = rows.len().saturating_sub(1);
            self.cells(row, sample, &ops, &mut cells, &mut report.troubles)
                .await;
        }
        let finished = self.rounds(&mut cells, "samples").await;
        report.samples = rows;
        for cell in &cells {
            let way = self.way_report(cell).await;
            if let Some(row) = report.samples.get_mut(cell.key.row) {
                report.troubles.extend(failure(cell, Some(&row.name)));
                row.ways.push(way);
            }
        }
        finished
    }

    /// Measures payloads from small to large; `false` if it was stopped.
    async fn sweep(&mut self, report: &mut Report) -> Result<bool, CompareError> {
        let (crossings, holds) = sweep::sizes(&self.wide, &self.compressing, &self.budgeted)?;
        report.sweep.crossings = crossings;
        let mut sizes = sweep::SIZES.to_vec();
        if !sizes.contains(&holds) && holds > 0 {
            // One byte of the payload's place is the counter's.
            sizes.push(holds.saturating_sub(1));
            sizes.sort_unstable();
        }
        let mut cells = Vec::new();
        let mut troubles = Vec::new();
        for (row, size) in sizes.iter().enumerate() {
            let sample = Sample::new(format!("{size} bytes"), Filler::random(*size));
            let ops = [Op::Read, Op::Change];
            self.cells(row, &sample, &ops, &mut cells, &mut troubles)
                .await;
        }
        let finished = self.rounds(&mut cells, "sweep").await;
        let points = sizes.iter().map(|size| SweepPoint {
            payload_bytes: *size,
            ways: Vec::new(),
        });
        report.sweep.points = points.collect();
        for cell in &cells {
            troubles.extend(failure(cell, None));
            if let Some(point) = report.sweep.points.get_mut(cell.key.row) {
                point.ways.push(SweepWay {
                    way: cell.key.way,
                    store: cell.key.target.as_ref().map(|it| it.name.clone()),
                    lives: cell.key.begun.lives,
                    request_header_bytes: cell.key.begun.request_header_bytes,
                    read: cell.latency(Op::Read),
                    change: cell.latency(Op::Change),
                    round_trips: cell.round_trips(),
                });
            }
        }
        // A store that fails with every size has one trouble.
        troubles.dedup_by(|later, first| later.store == first.store && later.way == first.way);
        report.troubles.extend(troubles);
        for target in &self.given.targets {
            let points = &report.sweep.points;
            let at = holds.saturating_sub(1);
            let found = sweep::faster(points, &target.name, &self.given.load, at);
            report.sweep.crossings.push(found);
        }
        Ok(finished)
    }

    fn fit(&self, sample: &Sample) -> Result<SampleReport, SealError> {
        let plan = sample.data.plan(&self.wide)?;
        Ok(SampleReport {
            name: sample.name().to_owned(),
            json_bytes: sample.json_bytes(),
            encoded_bytes: sample.data.encoded_len()?,
            cookie: CookieFit {
                cookie_bytes: plan.cookie_len(),
                limit: plan.limit(),
                fits: plan.fits(),
                spare: plan.spare(),
                compressed: plan.is_deflated(),
            },
            ways: Vec::new(),
        })
    }

    /// A cell for the cookie, if it fits, and one for each store by each other strategy.
    async fn cells(
        &mut self,
        row: usize,
        sample: &Sample,
        ops: &[Op],
        cells: &mut Vec<Cell<CellKey>>,
        troubles: &mut Vec<Trouble>,
    ) {
        let mut places = vec![(Way::Cookie, None)];
        for target in &self.given.targets {
            places.push((Way::Store, Some(target.clone())));
        }
        for target in &self.given.targets {
            places.push((Way::Automatic, Some(target.clone())));
        }
        for (way, target) in places {
            match self.cell(row, sample, ops, way, target.clone()).await {
                Ok(cell) => cells.push(cell),
                // That it does not fit the cookie is told with its size.
                Err(SessionError::Seal(SealError::TooLarge { .. })) if way == Way::Cookie => {}
                Err(error) => troubles.push(trouble(sample.name(), way, target.as_ref(), &error)),
            }
        }
    }

    async fn cell(
        &mut self,
        row: usize,
        sample: &Sample,
        ops: &[Op],
        way: Way,
        target: Option<Target>,
    ) -> Result<Cell<CellKey>, SessionError> {
        let watched = target.as_ref().map(|target| {
            let watched = Watched::new(Arc::clone(&target.store), Arc::clone(&self.kit.monotonic));
            Arc::new(watched)
        });
        self.watched.extend(watched.clone());
        let visitor = sample.data.visitor(&self.kit, way, watched);
        // The configuration was checked before.
        let mut visitor = visitor.map_err(|_| SessionError::NoStore)?;
        let begun = visitor.begin().await?;
        let immediate = target.as_ref().is_none_or(Target::is_immediate);
        let counter = self.given.allocations.as_deref().filter(|_| immediate);
        let allocated = counter.and_then(|counter| visitor.allocations(counter));
        let alone = |op: &Op| way == Way::Cookie || !matches!(op, Op::Seal | Op::Open);
        let ops: Vec<Op> = ops.iter().copied().filter(alone).collect();
        let key = CellKey {
            row,
            way,
            target,
            begun,
            allocated,
        };
        Ok(Cell::new(key, visitor, &ops))
    }

    async fn rounds(&self, cells: &mut [Cell<CellKey>], phase: &'static str) -> bool {
        let (effort, stop) = (self.given.effort, &self.given.stop);
        measure::rounds(cells, effort, &*self.kit.monotonic, phase, stop).await
    }

    async fn way_report(&mut self, cell: &Cell<CellKey>) -> WayReport {
        use crate::time::Clock as _;
        let CellKey {
            way,
            target,
            begun,
            allocated,
            ..
        } = &cell.key;
        let (read, change) = (cell.latency(Op::Read), cell.latency(Op::Change));
        // A server waits for a store elsewhere, and works for one within itself.
        let work = |op| match target {
            Some(target) if !target.is_embedded() => cell.own(op),
            _ => cell.latency(op),
        };
        let per_second = |work: super::report::Latency| 1e9 / work.p50.max(1.0);
        let per_core = work(Op::Read)
            .zip(work(Op::Change))
            .map(|(read, change)| PerRequest {
                read: per_second(read),
                change: per_second(change),
            });
        let at_rest_bytes = match target {
            Some(target) if begun.record_bytes > 0 => {
                let now = self.kit.clock.now();
                self.space.of(target, begun.record_bytes, now).await
            }
            _ => None,
        };
        let stored = begun.lives == super::report::Lives::Store;
        WayReport {
            way: *way,
            store: target.as_ref().map(|it| it.name.clone()),
            lives: begun.lives,
            value_bytes: begun.value_bytes,
            request_header_bytes: begun.request_header_bytes,
            first_response_header_bytes: begun.first_response_header_bytes,
            change_response_header_bytes: begun.change_response_header_bytes,
            round_trips: cell.round_trips(),
            record_bytes: begun.record_bytes,
            at_rest_bytes,
            read,
            change,
            seal: cell.latency(Op::Seal),
            open: cell.latency(Op::Open),
            load: cell.in_store(Op::Read).filter(|_| stored),
            save: cell.in_store(Op::Change).filter(|_| stored),
            per_core,
            allocations: *allocated,
        }
    }
}

/// In words, for the report.
const METHOD: &str = "Every sample, strategy and store takes a turn in every round, in a rotating \
    order, so that whatever else the machine does meets all of them alike. A turn is some \
    requests through the session manager, after one that does not count, each timed by itself \
    with the monotonic clock. The \
    median is that of the rounds' medians, the spread is their 10th to 90th percentile, and p99 \
    is that of all requests. Store calls are counted, and timed inside the request. No network is \
    between this process and an embedded store; the load's round trip is added by the cost model.";

fn holds(sweep: &Sweep) -> Option<usize> {
    let crossings = sweep.crossings.iter();
    let mut found = crossings.filter(|it| it.kind == CrossingKind::CookieHolds);
    found.next().and_then(|it| it.payload_bytes)
}

fn failure(cell: &Cell<CellKey>, sample: Option<&str>) -> Option<Trouble> {
    let error = cell.failed.as_ref()?;
    let found = trouble("", cell.key.way, cell.key.target.as_ref(), error);
    Some(Trouble {
        sample: sample.map(str::to_owned),
        ..found
    })
}

fn of_session(sample: &str, error: &SealError) -> Trouble {
    Trouble {
        sample: Some(sample.to_owned()),
        way: None,
        store: None,
        kind: TroubleKind::Session,
        text: error.to_string(),
    }
}

fn trouble(sample: &str, way: Way, target: Option<&Target>, error: &SessionError) -> Trouble {
    let (kind, text) = match error {
        SessionError::Seal(error) => (TroubleKind::Session, error.to_string()),
        SessionError::Unavailable(error) => (TroubleKind::Environment, with_cause(error)),
        error => (TroubleKind::Environment, error.to_string()),
    };
    Trouble {
        sample: Some(sample.to_owned()),
        way: Some(way),
        store: target.map(|it| it.name.clone()),
        kind,
        text,
    }
}

fn with_cause(error: &StoreError) -> String {
    use core::error::Error as _;
    let cause = error.source().map_or(String::new(), |it| format!(": {it}"));
    format!("{error}{cause}")
}
