//! A Redis, a client and workers on it, and the frame in which a fault is played.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit::{
    Backend, Client, Clock, Error, NewTask, Options, Result, Router, State, StopHandle, Task, TaskContext,
    Worker, WorkerBuilder,
};
use aftercommit_servers::{ChaosProxy, RedisServer, RedisServerBuilder};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::audit::{Ledger, Verdict, What};
use crate::lines::Lines;
use crate::table;

/// Ends a test that hangs, and decides nothing else.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often Redis is asked for what it cannot tell unasked.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long finished tasks are kept where they are: an id that a producer tries again is still taken then.
const RETENTION: Duration = Duration::from_secs(3_600);

/// What a fault is called, and the Redis that it happens to.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) fault: &'static str,
    pub(crate) redis: RedisServerBuilder,
    pub(crate) network: Network,
    /// How much of the end of its work Redis may forget in a crash.
    pub(crate) forgets: Duration,
}

/// What is between the library and Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Direct,
    /// A proxy, and answers are waited for as long as this.
    Proxied(Duration),
}

impl Setup {
    pub(crate) fn new(fault: &'static str) -> Self {
        Self {
            fault,
            // Kept on disk now and then, as a worker asks for.
            redis: RedisServer::builder().set("save", "3600 1"),
            network: Network::Direct,
            forgets: Duration::ZERO,
        }
    }
}

/// A handler's payload. `held` ones wait until they are let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Job {
    Short,
    Held,
}

impl Task for Job {
    const TYPE: &'static str = "fault:job";
}

/// What the handlers share.
#[derive(Debug, Clone)]
struct Hands {
    ledger: Ledger,
    effort: Duration,
    let_go: watch::Receiver<bool>,
}

async fn handle(State(mut hands): State<Hands>, context: TaskContext, job: Job) {
    hands.ledger.note(context.id().as_str(), What::Started);
    match job {
        Job::Short => tokio::time::sleep(hands.effort).await,
        // The sender lives as long as the test.
        Job::Held => drop(hands.let_go.wait_for(|let_go| *let_go).await),
    }
    hands.ledger.note(context.id().as_str(), What::Finished);
}

/// One Redis with a client. Dropped, everything ends.
pub(crate) struct Rig {
    pub(crate) server: RedisServer,
    pub(crate) proxy: Option<ChaosProxy>,
    pub(crate) backend: RedisBackend,
    pub(crate) client: Client,
    pub(crate) ledger: Ledger,
    pub(crate) lines: Lines,
    let_go: watch::Sender<bool>,
    crashes: Vec<Instant>,
    healed: Option<Instant>,
    recovery: Option<Duration>,
    named: AtomicUsize,
}

/// A worker that runs.
pub(crate) struct Working {
    stop: StopHandle,
    ended: JoinHandle<Result<()>>,
}

impl Working {
    fn begin(builder: WorkerBuilder) -> Self {
        let worker = builder.build().unwrap();
        Self { stop: worker.stop_handle(), ended: tokio::spawn(worker.run()) }
    }

    /// Stops it, and sees that none of its loops had died.
    pub(crate) async fn shut_down(self) {
        self.stop.shutdown();
        self.ended.await.unwrap().unwrap();
    }
}

/// A worker with a runtime of its own, as if it were a process.
pub(crate) struct Process(Runtime);

impl Process {
    /// Ends everything it does at once, without a word to anybody.
    pub(crate) fn kill(self) {
        self.0.shutdown_background();
    }
}

/// Plays a fault, audits what became of the tasks, and adds a row to the table. No task may be lost, and none may have
/// run twice without an explanation.
pub(crate) fn play(setup: Setup, story: impl AsyncFnOnce(&mut Rig)) -> (Verdict, Lines) {
    let _running = table::Running::begin();
    let lines = Lines::default();
    lines.listen();
    let runtime = runtime(&lines);
    let (fault, forgets) = (setup.fault, setup.forgets);
    let (verdict, lines) = runtime.block_on(async {
        let mut rig = Rig::new(setup, lines.clone()).await;
        let told = tokio::time::timeout(PATIENCE, story(&mut rig)).await;
        assert!(told.is_ok(), "{fault}: still open {:?}\n{}", rig.ledger.open(), lines.all().join("\n"));
        let verdict = rig.ledger.audit(&lines, &rig.crashes, forgets);
        let recovery = rig.recovery.or_else(|| {
            let healed = rig.healed?;
            Some(rig.ledger.first_finish_after(healed)? - healed)
        });
        table::add(fault, &verdict, recovery);
        // As they are now: Redis ends with the rig, and that is said too.
        (verdict, lines.so_far())
    });
    let said = || lines.all().join("\n");
    assert_eq!(verdict.lost, Vec::<String>::new(), "{fault}: lost\n{}", said());
    assert_eq!(verdict.unexplained, Vec::<String>::new(), "{fault}: ran again for no reason\n{}", said());
    (verdict, lines)
}

/// A runtime whose threads log into these lines.
fn runtime(lines: &Lines) -> Runtime {
    let lines = lines.clone();
    let builder = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .on_thread_start(move || lines.listen())
        .build();
    builder.unwrap()
}

impl Rig {
    async fn new(setup: Setup, lines: Lines) -> Self {
        let server = setup.redis.start().unwrap();
        let proxy = match setup.network {
            Network::Direct => None,
            Network::Proxied(_) => Some(ChaosProxy::start(server.addr()).await.unwrap()),
        };
        let options = options(&server, proxy.as_ref(), setup.network);
        let backend = RedisBackend::new(options);
        Self {
            client: Client::new(backend.clone()),
            backend,
            server,
            proxy,
            ledger: Ledger::default(),
            lines,
            let_go: watch::Sender::new(false),
            crashes: Vec::new(),
            healed: None,
            recovery: None,
            named: AtomicUsize::new(0),
        }
    }

    /// Another process's way to the same Redis, past the bad network.
    pub(crate) fn another_backend(&self) -> RedisBackend {
        RedisBackend::new(options(&self.server, None, Network::Direct))
    }

    pub(crate) fn proxy(&self) -> &ChaosProxy {
        self.proxy.as_ref().unwrap()
    }

    /// Starts a worker that shares the client's connections. A short job takes it this long.
    pub(crate) fn work(&self, concurrency: usize, effort: Duration) -> Working {
        self.work_on(self.backend.clone(), concurrency, effort)
    }

    pub(crate) fn work_on(&self, backend: RedisBackend, concurrency: usize, effort: Duration) -> Working {
        let builder = self.worker(Arc::new(backend), concurrency, effort);
        Working::begin(builder)
    }

    /// Starts a worker on a machine whose clock is wrong.
    pub(crate) fn work_by(&self, clock: Arc<dyn Clock>, concurrency: usize, effort: Duration) -> Working {
        let backend = self.another_backend().with_clock_of_this_machine(Arc::clone(&clock));
        Working::begin(self.worker(Arc::new(backend), concurrency, effort).clock(clock))
    }

    /// Starts a worker that calls Redis in another way than the client does, on leases of this length.
    pub(crate) fn work_through(&self, backend: Arc<dyn Backend>, lease: Duration) -> Working {
        Working::begin(self.worker(backend, 20, Duration::from_millis(5)).lease(lease))
    }

    /// Starts a worker in a process of its own.
    pub(crate) fn process(&self, concurrency: usize, effort: Duration) -> Process {
        let runtime = runtime(&self.lines);
        let worker = self.worker(Arc::new(self.another_backend()), concurrency, effort).build().unwrap();
        runtime.spawn(worker.run());
        Process(runtime)
    }

    fn worker(&self, backend: Arc<dyn Backend>, concurrency: usize, effort: Duration) -> WorkerBuilder {
        let hands = Hands { ledger: self.ledger.clone(), effort, let_go: self.let_go.subscribe() };
        let router = Router::with_state(hands).route(handle);
        Worker::builder_dyn(backend, router).concurrency(concurrency)
    }

    /// Stores tasks, and sees that they are acknowledged. Every other one is kept for a while when it is done.
    pub(crate) async fn enqueue(&self, count: usize, job: Job) -> BTreeSet<String> {
        let ids: Vec<String> = (0..count).map(|_| self.next_id()).collect();
        for some in ids.chunks(500) {
            let tasks = some.iter().enumerate().map(|(index, id)| {
                let retention = if index % 2 == 0 { RETENTION } else { Duration::ZERO };
                NewTask::of(&job).unwrap().with(Options::new().id(id.as_str()).retention(retention))
            });
            let answers = self.client.enqueue_batch(tasks).await.unwrap();
            for (id, answer) in some.iter().zip(answers) {
                answer.unwrap();
                self.ledger.note(id, What::Acknowledged);
            }
        }
        ids.into_iter().collect()
    }

    /// A producer that stores tasks one after the other, and tries each until it knows that it is stored.
    pub(crate) fn produce(&self, count: usize, pause: Duration) -> JoinHandle<()> {
        let (client, ledger) = (self.client.clone(), self.ledger.clone());
        let ids: Vec<String> = (0..count).map(|_| self.next_id()).collect();
        tokio::spawn(async move {
            for id in ids {
                insist(&client, &id).await;
                ledger.note(&id, What::Acknowledged);
                tokio::time::sleep(pause).await;
            }
        })
    }

    pub(crate) fn next_id(&self) -> String {
        format!("task-{}", self.named.fetch_add(1, Ordering::Relaxed))
    }

    /// Lets the held jobs come to their end.
    pub(crate) fn let_go(&self) {
        self.let_go.send_replace(true);
    }

    /// Waits until so many tasks have come so far.
    pub(crate) async fn until(&self, what: What, count: usize) {
        self.ledger.when(|ledger| ledger.count(what) >= count).await;
    }

    /// Waits until every acknowledged task is done and Redis has been told.
    pub(crate) async fn drained(&self) {
        self.ledger.when(|ledger| ledger.open().is_empty()).await;
        for list in ["pending", "active"] {
            self.until_redis_says(&["LLEN", &format!("asynq:{{default}}:{list}")], "0").await;
        }
    }

    /// Waits until Redis answers so.
    pub(crate) async fn until_redis_says(&self, words: &[&str], answer: &str) {
        while self.redis(words) != answer {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// A command, past the code under test.
    pub(crate) fn redis(&self, words: &[&str]) -> String {
        tokio::task::block_in_place(|| self.server.command(words)).unwrap()
    }

    /// Ends Redis as a service manager would.
    pub(crate) fn stop_redis(&mut self) {
        tokio::task::block_in_place(|| self.server.stop()).unwrap();
    }

    /// Ends Redis without warning.
    pub(crate) fn kill_redis(&mut self) {
        self.crashes.push(Instant::now());
        tokio::task::block_in_place(|| self.server.kill()).unwrap();
    }

    pub(crate) fn start_redis(&mut self) {
        tokio::task::block_in_place(|| self.server.start_again()).unwrap();
        self.healed();
    }

    /// The fault is over: from here on the time to recover counts, until the next task is done.
    pub(crate) fn healed(&mut self) {
        self.healed = Some(Instant::now());
    }

    /// The time to recover, where it is not the time until the next task is done.
    pub(crate) fn recovered_in(&mut self, time: Duration) {
        self.recovery = Some(time);
    }
}

/// Stores a task as a careful producer does: under an id of its own, again and again while nothing is known.
async fn insist(client: &Client, id: &str) {
    loop {
        match client.enqueue(&Job::Short).id(id).retention(RETENTION).await {
            Ok(_) | Err(Error::IdConflict { .. }) => return,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn options(server: &RedisServer, proxy: Option<&ChaosProxy>, network: Network) -> RedisOptions {
    match (proxy, network) {
        (Some(proxy), Network::Proxied(limit)) => {
            let options = RedisOptions::parse(&proxy.addr().to_string()).unwrap();
            options.read_timeout(limit).dial_timeout(limit)
        }
        _ => RedisOptions::parse(&server.url()).unwrap(),
    }
}

/// The link says once that Redis is gone and once that it is back, for each outage; and the worker floods nothing.
pub(crate) fn said_once_each(lines: &Lines, outages: usize) {
    let said = lines.all().join("\n");
    assert_eq!(lines.with(&["WARN", "redis is not reachable"]), outages, "{said}");
    assert_eq!(lines.with(&["INFO", "redis is reachable again"]), outages, "{said}");
    says_little(lines, outages);
}

/// Of each outage a worker says that it begins and that it is over, and nobody says anything for each call.
pub(crate) fn says_little(lines: &Lines, outages: usize) {
    let said = lines.all().join("\n");
    assert!(lines.with(&["lost its store"]) <= outages, "{said}");
    assert_eq!(lines.with(&["lost its store"]), lines.with(&["reached its store again"]), "{said}");
    assert_eq!(lines.with(&["ERROR"]), 0, "{said}");
    let about_no_task =
        lines.all().iter().filter(|line| line.starts_with("WARN") && !line.contains(" id=")).count();
    assert!(about_no_task <= 2 * outages, "{said}");
}
