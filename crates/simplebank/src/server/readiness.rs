//! Whether traffic should be sent here: the phase of the process and the checks of what it stands on, told
//! to HTTP probes and to gRPC health alike.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, join_all};
use tokio::{sync::watch, time::timeout};
use tonic_health::{
    ServingStatus,
    pb::health_server::{Health, HealthServer},
    server::{HealthReporter, HealthService},
};
use tower::BoxError;

use crate::pb::simple_bank_server::SERVICE_NAME;

/// How long one check may take before it counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// The phase of the process. Starts as not ready. Cheap to clone; all clones speak of the same process.
#[derive(Debug, Clone)]
pub struct Readiness {
    phase: Arc<watch::Sender<Phase>>,
    checks: Arc<[Check]>,
    reporter: HealthReporter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Serving,
    Draining,
}

/// Something that must work before traffic is sent here.
pub struct Check {
    name: &'static str,
    probe: Box<dyn Fn() -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>,
}

impl Check {
    /// A check; `name` is what the probe's answer calls it.
    pub fn new<P, F>(name: &'static str, probe: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self { name, probe: Box::new(move || Box::pin(probe())) }
    }

    async fn fails(&self) -> bool {
        let outcome = timeout(CHECK_TIMEOUT, (self.probe)()).await;
        let error: BoxError = match outcome {
            Ok(Ok(())) => return false,
            Ok(Err(error)) => error,
            Err(elapsed) => elapsed.into(),
        };
        tracing::warn!(error = &*error as &dyn std::error::Error, check = self.name, "not ready");
        true
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Readiness {
    /// A process that is starting.
    pub async fn new(checks: Vec<Check>) -> Self {
        let this = Self {
            phase: Arc::new(watch::Sender::new(Phase::Starting)),
            checks: checks.into(),
            reporter: HealthReporter::new(),
        };
        this.enter(Phase::Starting).await;
        this
    }

    /// The process takes traffic from now on.
    pub async fn start_serving(&self) {
        self.enter(Phase::Serving).await;
    }

    /// The process wants no new traffic. Comes before the ports close, so that balancers can turn away in
    /// time.
    pub async fn start_draining(&self) {
        self.enter(Phase::Draining).await;
    }

    /// The `grpc.health.v1` service that tells the phase.
    pub fn health_service(&self) -> HealthServer<impl Health + use<>> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// What speaks against traffic now; nothing if the process is ready.
    pub(super) async fn obstacles(&self) -> Vec<&'static str> {
        let phase = match *self.phase.borrow() {
            Phase::Serving => None,
            Phase::Starting => Some("starting"),
            Phase::Draining => Some("draining"),
        };
        let failed =
            join_all(self.checks.iter().map(async |check| check.fails().await.then_some(check.name)));
        phase.into_iter().chain(failed.await.into_iter().flatten()).collect()
    }

    async fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
        let status = match phase {
            Phase::Serving => ServingStatus::Serving,
            Phase::Starting | Phase::Draining => ServingStatus::NotServing,
        };
        // The empty name stands for the process as a whole.
        for service in ["", SERVICE_NAME] {
            self.reporter.set_service_status(service, status).await;
        }
    }
}
