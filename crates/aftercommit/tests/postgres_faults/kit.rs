//! A Postgres, a client and workers on it, and the frame in which a fault is played.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aftercommit::postgres::{PostgresOptions, PostgresQueue};
use aftercommit::{
    Backend, Client, Clock, Error, Inspect as _, NewTask, Options, QueueName, Result, Router, State,
    StopHandle, Task, TaskContext, Worker, WorkerBuilder,
};
use aftercommit_servers::{ChaosProxy, PostgresServer, PostgresServerBuilder};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::audit::{Ledger, Verdict, What};
use crate::lines::Lines;
use crate::table;

/// Ends a test that hangs, and decides nothing else.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often Postgres is asked for what it cannot tell unasked.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long finished tasks are kept where they are: an id that a producer tries again is still taken then.
const RETENTION: Duration = Duration::from_secs(3_600);

/// What a fault is called, and the Postgres that it happens to.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) fault: &'static str,
    pub(crate) postgres: PostgresServerBuilder,
    pub(crate) network: Network,
}

/// What is between the library and Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Direct,
    /// A proxy, and answers are waited for as long as this.
    Proxied(Duration),
}

impl Setup {
    pub(crate) fn new(fault: &'static str) -> Self {
        // What is committed survives a crash of Postgres, though not one of the machine.
        let postgres = PostgresServer::builder().set("synchronous_commit", "on");
        Self { fault, postgres, network: Network::Direct }
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

/// One Postgres with a client. Dropped, everything ends.
pub(crate) struct Rig {
    pub(crate) server: PostgresServer,
    pub(crate) url: String,
    pub(crate) proxy: Option<ChaosProxy>,
    pub(crate) backend: PostgresQueue,
    pub(crate) client: Client,
    pub(crate) ledger: Ledger,
    pub(crate) lines: Lines,
    let_go: watch::Sender<bool>,
    recovery: Arc<OnceLock<Duration>>,
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
    let fault = setup.fault;
    let (verdict, lines) = runtime.block_on(async {
        let mut rig = Rig::new(setup, lines.clone()).await;
        let told = tokio::time::timeout(PATIENCE, story(&mut rig)).await;
        assert!(told.is_ok(), "{fault}: still open {:?}\n{}", rig.ledger.open(), lines.all().join("\n"));
        let verdict = rig.ledger.audit(&lines, &[], Duration::ZERO);
        table::add(fault, &verdict, rig.recovery.get().copied());
        // As they are now: Postgres ends with the rig, and that is said too.
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
        let server = tokio::task::block_in_place(|| setup.postgres.start()).unwrap();
        let url = tokio::task::block_in_place(|| server.database_url()).unwrap();
        let proxy = match setup.network {
            Network::Direct => None,
            Network::Proxied(_) => Some(ChaosProxy::start(server.addr()).await.unwrap()),
        };
        let backend = PostgresQueue::new(&options(&server, &url, proxy.as_ref(), setup.network));
        backend.migrate().await.unwrap();
        Self {
            client: Client::new(backend.clone()),
            backend,
            server,
            url,
            proxy,
            ledger: Ledger::default(),
            lines,
            let_go: watch::Sender::new(false),
            recovery: Arc::default(),
            named: AtomicUsize::new(0),
        }
    }

    /// Another process's way to the same Postgres, past the bad network.
    pub(crate) fn another_backend(&self) -> PostgresQueue {
        PostgresQueue::new(&PostgresOptions::parse(&self.url).unwrap())
    }

    pub(crate) fn proxy(&self) -> &ChaosProxy {
        self.proxy.as_ref().unwrap()
    }

    /// Starts a worker that shares the client's connections. A short job takes it this long.
    pub(crate) fn work(&self, concurrency: usize, effort: Duration) -> Working {
        self.work_on(self.backend.clone(), concurrency, effort)
    }

    pub(crate) fn work_on(&self, backend: PostgresQueue, concurrency: usize, effort: Duration) -> Working {
        let builder = self.worker(Arc::new(backend), concurrency, effort);
        Working::begin(builder)
    }

    /// Starts a worker on a machine whose clock is wrong.
    pub(crate) fn work_by(&self, clock: Arc<dyn Clock>, concurrency: usize, effort: Duration) -> Working {
        let backend = self.another_backend().with_clock_of_this_machine(Arc::clone(&clock));
        Working::begin(self.worker(Arc::new(backend), concurrency, effort).clock(clock))
    }

    /// Starts a worker that calls Postgres in another way than the client does, on leases of this length.
    pub(crate) fn work_through(&self, backend: Arc<dyn Backend>, lease: Duration) -> Working {
        Working::begin(self.worker(backend, 20, Duration::from_millis(5)).lease(lease))
    }

    /// Starts a worker in a process of its own.
    pub(crate) fn process(&self, concurrency: usize, effort: Duration) -> Process {
        self.process_of(|| {
            self.worker(Arc::new(self.another_backend()), concurrency, effort).build().unwrap()
        })
    }

    /// Starts this worker in a process of its own.
    pub(crate) fn process_of(&self, worker: impl FnOnce() -> Worker) -> Process {
        let runtime = runtime(&self.lines);
        let entered = runtime.enter();
        let worker = worker();
        drop(entered);
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

    /// Waits until every acknowledged task is done and Postgres has been told.
    pub(crate) async fn drained(&self) {
        self.ledger.when(|ledger| ledger.open().is_empty()).await;
        self.until_postgres_says("SELECT count(*) FROM aftercommit.tasks", "0").await;
    }

    /// The fault is over: from here on the time to recover counts, until Postgres is told of the next task that is done.
    pub(crate) fn healed(&self) {
        let (observer, recovery, healed) =
            (self.another_backend(), Arc::clone(&self.recovery), Instant::now());
        tokio::spawn(async move {
            let before = processed(&observer).await?;
            while processed(&observer).await? == before {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            // Only the first counts.
            let _ = recovery.set(healed.elapsed());
            Ok::<(), Error>(())
        });
    }

    /// The time to recover, where it is not the time until the next task is done.
    pub(crate) fn recovered_in(&self, time: Duration) {
        // Only the first counts.
        let _ = self.recovery.set(time);
    }
}

/// How many tasks Postgres was told of, in a queue that exists.
async fn processed(observer: &PostgresQueue) -> Result<u64> {
    Ok(observer.queue(&QueueName::default()).await?.map_or(0, |queue| queue.processed))
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

fn options(
    server: &PostgresServer,
    url: &str,
    proxy: Option<&ChaosProxy>,
    network: Network,
) -> PostgresOptions {
    match (proxy, network) {
        (Some(proxy), Network::Proxied(limit)) => PostgresOptions::parse(&through(server, url, proxy))
            .unwrap()
            .call_timeout(limit)
            .connect_timeout(limit),
        _ => PostgresOptions::parse(url).unwrap(),
    }
}

pub(crate) fn through(server: &PostgresServer, url: &str, proxy: &ChaosProxy) -> String {
    url.replace(&server.addr().to_string(), &proxy.addr().to_string())
}
