//! The relay: brings tasks that were committed in the database of their host to the back-end they are for.
//!
//! ```text
//!   outbox ─claim─▶ rows ─publish─▶ back-end
//!      ▲                               │
//!      └─────────── mark ◀─────────────┘    then the publisher forgets its markers
//! ```
//!
//! With [`RelayBuilder::retain_until_done`] rows are kept instead of marked, and a second loop looks at the back-end until
//! their tasks have ended, or are lost and have to be published again.
//!
//! No transaction is open while a row is on its way, and a relay may die anywhere: see docs/design/relay.md.

mod batch;
mod builder;
mod carrier;
mod delivered;
mod ledger;
mod load;
mod monitor;
mod pace;
mod reconciler;
mod retain;
mod sight;
mod suspects;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Backend, Clock, Error, Outbox, Result};
use futures_util::FutureExt;

pub use builder::RelayBuilder;
use carrier::Carrier;
pub use monitor::{RelayCounts, RelayMonitor};
use reconciler::Reconciler;
pub use retain::{RetainUntilDone, WATCHED_RETENTION};

use crate::frame::{Periodic, Phase, Phases, Reach, StopHandle, StoreHealth};
use crate::telemetry;

/// A look even if no hint came: hints are the rule, this is the net.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long a stopping relay waits, beyond the claim on its rows, for calls that its stores do not answer.
const CALL_GRACE: Duration = Duration::from_secs(2);

/// Publishes what waits in an outbox, each task once unless a relay died on the way.
///
/// It may run beside a worker in the same process, or alone; any number of relays may share an outbox.
///
/// ```
/// # use std::sync::Arc;
/// # use aftercommit::{Backend, Outbox, Relay, Result};
/// # async fn example(outbox: Arc<dyn Outbox>, backend: Arc<dyn Backend>) -> Result<()> {
/// let relay = Relay::builder(outbox, backend).build()?;
/// let stop = relay.stop_handle();
/// let running = tokio::spawn(relay.run());
/// // ... until the program is to end:
/// stop.shutdown();
/// # let _ = running;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
    stop: StopHandle,
}

/// What the relay works with.
#[derive(Debug)]
struct Shared {
    outbox: Arc<dyn Outbox>,
    backend: Arc<dyn Backend>,
    clock: Arc<dyn Clock>,
    /// The most rows claimed at once.
    batch: usize,
    /// How long a claim holds.
    hold: Duration,
    /// After how many refusals a row is set aside.
    max_attempts: u32,
    /// How published tasks are watched until they have ended, if they are.
    retain: Option<RetainUntilDone>,
    monitor: RelayMonitor,
}

impl Relay {
    /// A relay from an outbox to a back-end.
    pub fn builder(outbox: Arc<dyn Outbox>, backend: Arc<dyn Backend>) -> RelayBuilder {
        RelayBuilder::new(outbox, backend)
    }

    /// A handle that stops this relay. `quiet` makes it claim nothing more, `shutdown` ends it; both let it
    /// finish what is in its hands.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Counts what this relay does.
    pub fn monitor(&self) -> RelayMonitor {
        self.shared.monitor.clone()
    }

    /// Runs until stopped. An outbox or a back-end that cannot be reached, at start or later, is waited for.
    ///
    /// Dropping the future ends the relay hard; what it held is claimed by another one, or after a restart,
    /// when the claim has ended, and a task that was published already is recognised.
    ///
    /// # Errors
    /// [`Error::LoopDied`] if the relay panicked.
    pub async fn run(self) -> Result<()> {
        let Self { shared, stop } = self;
        telemetry::relay_started();
        let mut phases = stop.phases();
        let outbox = Arc::new(StoreHealth::new(Reach { who: "relay", what: "its outbox" }));
        let frame = Periodic {
            interval: INTERVAL,
            // Before the first claim, so that nothing falls between.
            wakes: Some(shared.outbox.wakes()),
            phases: stop.phases(),
            until: Phase::Quiet,
            health: Arc::clone(&outbox),
        };
        let backend = Arc::new(StoreHealth::new(Reach { who: "relay", what: "the back-end" }));
        let watch = Periodic {
            interval: INTERVAL,
            wakes: None,
            phases: stop.phases(),
            until: Phase::Quiet,
            health: Arc::clone(&outbox),
        };
        let carrier = Carrier::new(Arc::clone(&shared), outbox, Arc::clone(&backend), stop.phases());
        let reconciler = Reconciler::new(Arc::clone(&shared), backend);
        let loops = async { tokio::join!(frame.run(carrier), watch.run(reconciler)) };
        tokio::select! {
            biased;
            ended = AssertUnwindSafe(loops).catch_unwind() => {
                ended.map_err(|_| Error::LoopDied("relay"))?;
                phases.reached(Phase::Draining).await;
            }
            () = overdue(stop.phases(), shared.hold) => telemetry::relay_cut_off(),
        }
        telemetry::relay_stopped();
        Ok(())
    }
}

/// Waits until a stop has taken too long.
async fn overdue(mut phases: Phases, hold: Duration) {
    phases.reached(Phase::Draining).await;
    tokio::time::sleep(hold + CALL_GRACE).await;
}
