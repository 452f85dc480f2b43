//! A store, a client and workers on it, and the frame in which a fault is played.

mod produce;
mod watch;
mod work;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aftercommit::Client;
use aftercommit_servers::ChaosProxy;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch as signal;
use tokio::task::block_in_place;

use crate::audit::{Ledger, Verdict};
use crate::lines::Lines;
use crate::store::{Backend, ServerBuilder, Store};
use crate::table;

pub(crate) use work::Job;

/// Ends a test that hangs, and decides nothing else.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a fault is called, and the store that it happens to.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) fault: &'static str,
    pub(crate) server: ServerBuilder,
    pub(crate) network: Network,
    /// How much of the end of its work the store may forget in a crash.
    pub(crate) forgets: Duration,
}

/// What is between the library and the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Direct,
    /// A proxy, and answers are waited for as long as this.
    Proxied(Duration),
}

impl Setup {
    pub(crate) fn new(fault: &'static str) -> Self {
        Self { fault, server: Store::builder(), network: Network::Direct, forgets: Duration::ZERO }
    }

    /// The same, with a proxy in between.
    pub(crate) fn proxied(fault: &'static str, limit: Duration) -> Self {
        Self { network: Network::Proxied(limit), ..Self::new(fault) }
    }
}

/// One store with a client. Dropped, everything ends.
pub(crate) struct Rig {
    pub(crate) store: Store,
    pub(crate) backend: Backend,
    pub(crate) client: Client,
    pub(crate) ledger: Ledger,
    pub(crate) lines: Lines,
    proxy: Option<ChaosProxy>,
    let_go: signal::Sender<bool>,
    crashes: Vec<Instant>,
    recovery: Arc<OnceLock<Duration>>,
    named: AtomicUsize,
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
        table::add(fault, &verdict, rig.recovery.get().copied());
        // As they are now: the store ends with the rig, and that is said too.
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
        let store = block_in_place(|| Store::start(setup.server));
        let (proxy, backend) = match setup.network {
            Network::Direct => (None, store.backend()),
            Network::Proxied(limit) => {
                let proxy = ChaosProxy::start(store.server.addr()).await.unwrap();
                let backend = store.backend_through(&proxy, limit);
                (Some(proxy), backend)
            }
        };
        Store::prepare(&backend).await;
        Self {
            client: Client::new(backend.clone()),
            backend,
            store,
            proxy,
            ledger: Ledger::default(),
            lines,
            let_go: signal::Sender::new(false),
            crashes: Vec::new(),
            recovery: Arc::default(),
            named: AtomicUsize::new(0),
        }
    }

    /// Another process's way to the same store, past the bad network.
    pub(crate) fn another_backend(&self) -> Backend {
        self.store.backend()
    }

    pub(crate) fn proxy(&self) -> &ChaosProxy {
        self.proxy.as_ref().unwrap()
    }

    pub(crate) fn next_id(&self) -> String {
        format!("task-{}", self.named.fetch_add(1, Ordering::Relaxed))
    }

    /// Ends the store as a service manager would.
    pub(crate) fn stop(&mut self) {
        block_in_place(|| self.store.stop());
    }

    /// Ends the store without warning.
    pub(crate) fn kill(&mut self) {
        self.crashes.push(Instant::now());
        block_in_place(|| self.store.server.kill()).unwrap();
    }

    pub(crate) fn start_again(&mut self) {
        block_in_place(|| self.store.server.start_again()).unwrap();
    }
}
