//! Hears cancellations and stops the attempts they mean.

use std::sync::Arc;

use futures_util::StreamExt;

use super::Shared;
use crate::frame::{Phase, Phases};

/// Runs until the worker drains. A back-end without presence carries no cancellations.
pub(super) async fn run(shared: Arc<Shared>, mut phases: Phases) {
    if let Some(presence) = shared.backend.presence() {
        let mut cancellations = presence.cancellations();
        loop {
            tokio::select! {
                () = phases.reached(Phase::Draining) => return,
                cancellation = cancellations.next() => match cancellation {
                    Some(cancellation) => shared.inflight.cancel(&cancellation),
                    None => break,
                },
            }
        }
    }
    phases.reached(Phase::Draining).await;
}
