//! Our workers: with everything on that a service would have on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aftercommit::{Backend, Router, State, StopHandle, Worker};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::cost::{Cost, Late, Window};
use super::task::unix_nanos;
use super::words::{Beside, Drain, Hold, Lateness};
use super::{SendVerifyEmail, ready};
use crate::measure::Samples;

/// Ends a measurement that hangs.
const PATIENCE: Duration = Duration::from_secs(300);

struct Running {
    stop: StopHandle,
    worker: tokio::task::JoinHandle<aftercommit::Result<()>>,
}

impl Running {
    fn start<S: Send + Sync + 'static>(
        backend: Arc<dyn Backend>,
        concurrency: usize,
        router: Router<S>,
    ) -> Result<Self> {
        let worker = Worker::builder_dyn(backend, router).concurrency(concurrency).build()?;
        let running = Self { stop: worker.stop_handle(), worker: tokio::spawn(worker.run()) };
        ready();
        Ok(running)
    }

    async fn end(self) -> Result<()> {
        self.stop.shutdown();
        Ok(self.worker.await??)
    }
}

/// Ends when whoever started this process has, or takes too long: nobody would read the result.
pub(super) async fn abandoned() -> anyhow::Error {
    let (tell, ended) = oneshot::channel();
    std::thread::spawn(move || {
        // A fault of the input is its end, too.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = tell.send(());
    });
    match tokio::time::timeout(PATIENCE, ended).await {
        Ok(_) => anyhow::anyhow!("standard input ended before the work was done"),
        Err(_) => anyhow::anyhow!("not done after {PATIENCE:?}"),
    }
}

struct Drained {
    tasks: u64,
    handled: AtomicU64,
    window: Window,
    done: std::sync::Mutex<Option<oneshot::Sender<()>>>,
}

pub(super) async fn drain(it: &Drain) -> Result<Cost> {
    let (tell, done) = oneshot::channel();
    let drained = Arc::new(Drained {
        tasks: it.tasks,
        handled: AtomicU64::new(0),
        window: Window::default(),
        done: std::sync::Mutex::new(Some(tell)),
    });
    let router = Router::with_state(Arc::clone(&drained)).route(
        async |State(drained): State<Arc<Drained>>, _: SendVerifyEmail| {
            let handled = drained.handled.fetch_add(1, Ordering::Relaxed) + 1;
            if handled == drained.tasks / 10 {
                drained.window.tenth();
            } else if handled == drained.tasks {
                drained.window.all();
                if let Some(done) = drained.done.lock().ok().and_then(|mut done| done.take()) {
                    let _ = done.send(());
                }
            }
        },
    );
    let running = Running::start(it.place.backend()?, it.concurrency, router)?;
    tokio::select! {
        done = done => done.context("the worker ended")?,
        error = abandoned() => bail!("{error}: {} of {}", drained.handled.load(Ordering::Relaxed), it.tasks),
    }
    running.end().await?;
    drained.window.cost(it.tasks)
}

pub(super) async fn lateness(it: &Lateness) -> Result<Late> {
    late(it.place.backend()?, it.concurrency, it.tasks, it.skip).await
}

/// Works until so many tasks have started, of which the first are left out.
pub(super) async fn late(
    backend: Arc<dyn Backend>,
    concurrency: usize,
    tasks: usize,
    skip: usize,
) -> Result<Late> {
    let (report, mut late) = mpsc::unbounded_channel();
    let router = Router::with_state(report).route(
        async |State(report): State<mpsc::UnboundedSender<f64>>, task: SendVerifyEmail| {
            // The reader counts, and goes away when it has enough.
            let _ = report.send(task.late_ms());
        },
    );
    let running = Running::start(backend, concurrency, router)?;
    let mut samples = Samples::default();
    let all = async {
        for at in 0..tasks {
            let late = late.recv().await.context("the worker ended")?;
            if at >= skip {
                samples.add(late);
            }
        }
        anyhow::Ok(())
    };
    tokio::select! {
        all = all => all?,
        error = abandoned() => return Err(error),
    }
    running.end().await?;
    Ok(Late::of(&samples))
}

pub(super) async fn beside(it: &Beside) -> Result<Value> {
    let handled = Arc::new(AtomicU64::new(0));
    let router = Router::with_state((Arc::clone(&handled), it.handling)).route(
        async |State((handled, handling)): State<(Arc<AtomicU64>, Duration)>, _: SendVerifyEmail| {
            if !handling.is_zero() {
                tokio::time::sleep(handling).await;
            }
            handled.fetch_add(1, Ordering::Relaxed);
        },
    );
    let running = Running::start(it.place.backend()?, it.concurrency, router)?;
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(it.seconds)) => {}
        error = abandoned() => return Err(error),
    }
    let total = handled.load(Ordering::Relaxed);
    running.end().await?;
    Ok(json!({ "total": total }))
}

/// Until the process is killed, or nobody listens any more.
pub(super) async fn hold(it: &Hold) -> Result<()> {
    let router = Router::new().route(async |_: SendVerifyEmail| {
        println!("{}", json!({ "started": { "at_unix_ns": unix_nanos() } }));
        std::future::pending::<()>().await;
    });
    let _running = Running::start(it.place.backend()?, 1, router)?;
    abandoned().await;
    Ok(())
}
