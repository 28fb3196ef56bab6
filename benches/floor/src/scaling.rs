//! What further threads add, on one codec or manager, and on one of each thread's own.
//!
//! A memory line that every thread writes passes from processor to processor: two threads
//! are then hardly faster than one, or slower. The same work on objects of each thread's own
//! shows what this machine can give, and `PrivateJar` what a peer reaches in the same run.
//!
//! Each figure is the median over rounds in which all operations take turns. Throughput is
//! counted by wall time from a common start to a common end. `ns` is processor time per
//! operation on one thread, and `cpu` the factor by which it grows on two.
//!
//! A slice of time in which the threads did not have the processors is run again, a few
//! times at most, and does not count: other programs had them, or the threads slept on a
//! lock. The last line counts them. A figure without a single undisturbed round is `NaN`.

use core::{
    hint::black_box,
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::{
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, available_parallelism, yield_now},
    time::Instant,
};

use cookie::Key as JarKey;
use rustix::time::{ClockId, clock_gettime};
use sealed_session::{
    EncryptedCodec, Policy, SessionManager,
    keys::{Key, KeyRing},
    manager::RequestHeaders,
    store::memory::MemoryStore,
};

use crate::{
    NAME, jar_open, jar_seal,
    support::{self, Login, codec, read},
};

/// How long each operation runs in each round, on each number of threads: less than what
/// a scheduler gives at a time to threads that have waited.
const SLICE: Duration = Duration::from_millis(1);
/// How often a slice is tried, and how long the threads wait before they try again.
const ATTEMPTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(5);
/// The part of the processors that the threads must have had.
const UNDISTURBED: f64 = 0.97;
/// Operations between two looks at the clock take about this long.
const BATCH: Duration = Duration::from_micros(5);
const MOST_THREADS: usize = 4;

/// Prints the table.
pub fn table(is_quick: bool) {
    let rounds = if is_quick { 21 } else { 101 };
    let processors = available_parallelism().map_or(0, usize::from);
    println!(
        "\nthroughput on 2 and on {MOST_THREADS} threads as a multiple of that on one; \
         {processors} processors, {rounds} rounds\n{:<34}{:>8}{:>7}{:>8}{:>7}{:>9}{:>7}",
        "one for all; one for each:", "ns", "cpu", "2", "4", "2", "4"
    );
    let rows = rows();
    let workers: Vec<_> = (0..MOST_THREADS).map(|_| Worker::start()).collect();
    let mut runs: Vec<Vec<[Run; 5]>> = rows.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (row, runs) in rows.iter().zip(&mut runs) {
            runs.push([
                measure(&workers[..1], row, |_| &row.one),
                measure(&workers[..2], row, |_| &row.one),
                measure(&workers, row, |_| &row.one),
                measure(&workers[..2], row, |number| &row.own[number]),
                measure(&workers, row, |number| &row.own[number]),
            ]);
        }
    }
    for (row, runs) in rows.iter().zip(&runs) {
        let ns = median(runs, |[one, ..]| one.cpu());
        let cpu = median(runs, |[one, two, ..]| Some(two.cpu()? / one.cpu()?));
        print!("{:<34}{ns:>8.0}{cpu:>7.2}", row.name);
        for (column, width) in [(1, 8), (2, 7), (3, 9), (4, 7)] {
            let factor = median(runs, |run| {
                Some(run[column].throughput()? / run[0].throughput()?)
            });
            print!("{factor:>width$.2}");
        }
        println!();
    }
    let all: Vec<_> = runs.iter().flatten().flatten().collect();
    let disturbed = all.iter().filter(|run| run.cpu().is_none()).count();
    println!("of {} slices, {disturbed} were disturbed", all.len());
}

type Operation = Arc<dyn Fn() + Send + Sync>;

/// One operation, on an object that all threads use, and on one of each thread's own.
struct Row {
    name: String,
    one: Operation,
    own: Vec<Operation>,
    batch: u32,
}

impl Row {
    fn new<F: Fn() + Send + Sync + 'static>(name: &str, make: impl Fn() -> F) -> Self {
        let make = || -> Operation { Arc::new(make()) };
        let one = make();
        let start = Instant::now();
        let mut done = 0_u32;
        while start.elapsed() < 40 * BATCH {
            one();
            done += 1;
        }
        Self {
            name: name.to_owned(),
            one,
            own: (0..MOST_THREADS).map(|_| make()).collect(),
            batch: done.div_ceil(40),
        }
    }
}

fn rows() -> Vec<Row> {
    let login: Arc<Login> = Arc::new(read(support::LOGIN));
    let seal_for = |codec: &EncryptedCodec| {
        let identity = codec.new_identity().unwrap();
        codec.seal(&identity, &*login).unwrap().into_value()
    };
    let refuse = |value: String| {
        let codec: EncryptedCodec = codec();
        move || drop(black_box(codec.open::<Login>(black_box(&value))))
    };
    let mut rows = vec![
        Row::new("seal", || {
            let (codec, login): (EncryptedCodec, _) = (codec(), Arc::clone(&login));
            let identity = codec.new_identity().unwrap();
            move || drop(black_box(codec.seal(&identity, black_box(&*login))))
        }),
        Row::new("open", || {
            let codec: EncryptedCodec = codec();
            let value = seal_for(&codec);
            move || drop(black_box(codec.open::<Login>(black_box(&value))))
        }),
        Row::new("refuse an unknown key", || refuse(seal_for(&codec()))),
        Row::new("refuse 4 KB of garbage", || refuse("x".repeat(4096))),
        Row::new("PrivateJar: seal", || {
            let (key, login) = (JarKey::generate(), Arc::clone(&login));
            move || drop(black_box(jar_seal(&key, black_box(&*login))))
        }),
        Row::new("PrivateJar: open", || {
            let key = JarKey::generate();
            let value = jar_seal(&key, &*login);
            move || drop(black_box(jar_open::<Login>(&key, black_box(&value))))
        }),
    ];
    for (place, revoked) in [
        ("no store", None),
        ("memory store", Some(0)),
        ("1 revoked", Some(1)),
        ("10,000 revoked", Some(10_000)),
    ] {
        let of = |what: &str| format!("request, {place}: {what}");
        rows.push(Row::new(&of("unused"), || {
            request(revoked, &login, |_| Poll::Ready(()))
        }));
        rows.push(Row::new(&of("read"), || {
            request(revoked, &login, |session| {
                now(session.read(|login| assert!(black_box(login).is_some())))
            })
        }));
        rows.push(Row::new(&of("write"), || {
            request(revoked, &login, |session| {
                now(session.change(|login| {
                    login.iter_mut().for_each(|it| it.auth_time ^= 1);
                }))
            })
        }));
    }
    rows
}

type Session = sealed_session::Session<Option<Login>>;

/// A request of a client that is logged in, from its headers to those of its response;
/// with a store and a list of that many revocations, if there is a store.
fn request(
    revoked: Option<usize>,
    login: &Login,
    handle: impl Fn(&Session) -> Poll<()> + Send + Sync + 'static,
) -> impl Fn() + Send + Sync + 'static {
    let day = Duration::from_hours(24);
    let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
    let policy = Policy::new(day, 7 * day).unwrap();
    let codec = EncryptedCodec::builder("example.com", keys, policy);
    let mut manager = SessionManager::builder(codec);
    if revoked.is_some() {
        manager = manager.store(Arc::new(MemoryStore::new()));
    }
    let manager = manager.build().unwrap();
    for _ in 0..revoked.unwrap_or_default() {
        let identity = manager.codec().new_identity().unwrap();
        assert_eq!(now(manager.revoke(identity.session_id())), Poll::Ready(()));
    }
    let identity = manager.codec().new_identity().unwrap();
    let identity = identity.with_subject(manager.codec().subject("ada"));
    let sealed = manager.codec().seal(&identity, &Some(login.clone()));
    let cookie = Headers(format!("{NAME}={}", sealed.unwrap().value()));
    move || {
        let session = manager.session_from(black_box(&cookie));
        assert_eq!(handle(&session), Poll::Ready(()));
        let finished = pin!(manager.finish(session, 200));
        let mut context = Context::from_waker(Waker::noop());
        drop(black_box(finished.poll(&mut context)));
    }
}

/// The outcome of a future that waits for nothing.
fn now<E>(future: impl Future<Output = Result<(), E>>) -> Poll<()> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(Ok(())) => Poll::Ready(()),
        _ => Poll::Pending,
    }
}

struct Headers(String);

impl RequestHeaders for Headers {
    fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        (name == "cookie").then_some(self.0.as_bytes()).into_iter()
    }
}

/// What the threads did in one slice.
struct Run {
    operations: f64,
    /// Processor time, in nanoseconds.
    time: f64,
    /// The part of the processors that the threads had.
    share: f64,
}

impl Run {
    /// Operations of all threads, unless they were disturbed.
    fn throughput(&self) -> Option<f64> {
        (self.share >= UNDISTURBED).then_some(self.operations)
    }

    /// Processor time of one operation, unless they were disturbed.
    fn cpu(&self) -> Option<f64> {
        self.throughput().map(|operations| self.time / operations)
    }
}

/// Runs an operation on these threads, until nothing disturbs it.
fn measure<'r>(workers: &[Worker], row: &'r Row, on: impl Fn(usize) -> &'r Operation) -> Run {
    let mut best = slice(workers, row, &on);
    for _ in 1..ATTEMPTS {
        if best.share >= UNDISTURBED {
            break;
        }
        thread::sleep(PAUSE);
        let run = slice(workers, row, &on);
        if run.share > best.share {
            best = run;
        }
    }
    best
}

fn slice<'r>(workers: &[Worker], row: &'r Row, on: impl Fn(usize) -> &'r Operation) -> Run {
    let gate = Arc::new(Gate::new(workers.len()));
    for (number, worker) in workers.iter().enumerate() {
        let (operation, gate) = (Arc::clone(on(number)), Arc::clone(&gate));
        worker.jobs.send((operation, row.batch, gate)).unwrap();
    }
    let (mut done, mut cpu) = (0, Duration::ZERO);
    for worker in workers {
        let (more_done, more_cpu) = worker.results.recv().unwrap();
        done += more_done;
        cpu += more_cpu;
    }
    let processors = available_parallelism().map_or(1, usize::from);
    let most = SLICE.as_secs_f64() * processors.min(workers.len()) as f64;
    Run {
        operations: done as f64,
        time: cpu.as_nanos() as f64,
        share: cpu.as_secs_f64() / most,
    }
}

/// Lets all threads start at once, and tells them when.
struct Gate {
    missing: AtomicUsize,
    opened: OnceLock<Instant>,
}

impl Gate {
    fn new(threads: usize) -> Self {
        Self {
            missing: AtomicUsize::new(threads),
            opened: OnceLock::new(),
        }
    }

    fn pass(&self) -> Instant {
        if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            return *self.opened.get_or_init(Instant::now);
        }
        loop {
            if let Some(opened) = self.opened.get() {
                return *opened;
            }
            yield_now();
        }
    }
}

/// A thread that lives through all rounds, as those of a server do.
struct Worker {
    jobs: Sender<(Operation, u32, Arc<Gate>)>,
    results: Receiver<(u64, Duration)>,
}

impl Worker {
    fn start() -> Self {
        let (jobs, work) = channel::<(Operation, u32, Arc<Gate>)>();
        let (done, results) = channel();
        thread::spawn(move || {
            for (operation, batch, gate) in work {
                operation();
                let end = gate.pass() + SLICE;
                let (mut count, began) = (0, cpu_time());
                while Instant::now() < end {
                    (0..batch).for_each(|_| operation());
                    count += u64::from(batch);
                }
                let _ = done.send((count, cpu_time() - began));
            }
        });
        Self { jobs, results }
    }
}

/// Processor time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap(),
        time.tv_nsec.try_into().unwrap(),
    )
}

fn median(runs: &[[Run; 5]], figure: impl Fn(&[Run; 5]) -> Option<f64>) -> f64 {
    let mut figures: Vec<f64> = runs.iter().filter_map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
