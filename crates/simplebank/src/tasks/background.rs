//! A worker or a relay that runs beside the servers.

use tokio::task::JoinHandle;

/// A run of the library's, which ends once. Dropped, it goes on.
#[derive(Debug)]
pub(super) struct Background {
    /// `None` once its end was told: a handle cannot be asked again.
    running: Option<JoinHandle<aftercommit::Result<()>>>,
}

impl Background {
    pub(super) fn start(run: impl Future<Output = aftercommit::Result<()>> + Send + 'static) -> Self {
        Self { running: Some(tokio::spawn(run)) }
    }

    /// True if somebody has heard how it ended.
    pub(super) fn is_over(&self) -> bool {
        self.running.is_none()
    }

    /// Waits until it has ended. Whoever asks again is told nothing new.
    ///
    /// # Errors
    /// It ended because something in it broke.
    pub(super) async fn ended(&mut self) -> anyhow::Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let ended = running.await;
        self.running = None;
        Ok(ended??)
    }

    /// Cuts it off where it is.
    pub(super) fn abort(&self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aftercommit::Error;

    #[tokio::test]
    async fn an_end_is_told_once_and_can_be_asked_for_again() {
        let mut background = Background::start(async { Err(Error::LoopDied("relay")) });
        assert!(!background.is_over());
        background.ended().await.unwrap_err();
        assert!(background.is_over());
        background.ended().await.unwrap();
    }
}
