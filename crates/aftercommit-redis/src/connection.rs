//! One connection to Redis, shared by whoever has something to send.

use futures_util::future::join_all;
use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{Pipeline, RedisError, RedisResult, Value};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::command::Command;

/// One connection. What is sent goes out at once; answers are told apart by their order.
///
/// A caller that stops waiting does not upset that order: its answer is still counted, and dropped. The connection ends
/// with its last owner, whatever is still under way then.
pub(crate) struct Connection {
    pub(crate) wire: Wire,
    /// Its sender is dropped when the other end is gone.
    gone: Option<watch::Receiver<()>>,
    driver: Option<AbortHandle>,
}

pub(crate) enum Wire {
    One(MultiplexedConnection),
    /// The driver keeps its own connections to the nodes.
    Cluster(ClusterConnection),
}

impl Connection {
    /// A connection that lives as long as this driver runs.
    pub(crate) fn driven(
        wire: MultiplexedConnection,
        driver: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let (alive, gone) = watch::channel(());
        let driver = tokio::spawn(async move {
            driver.await;
            drop(alive);
        });
        Self { wire: Wire::One(wire), gone: Some(gone), driver: Some(driver.abort_handle()) }
    }

    pub(crate) fn cluster(wire: ClusterConnection) -> Self {
        Self { wire: Wire::Cluster(wire), gone: None, driver: None }
    }

    /// False once the other end is known to be gone: nothing would be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.gone.as_ref().is_none_or(|gone| gone.has_changed().is_ok())
    }

    /// Ends when the other end is gone. For a connection to a cluster, never.
    pub(crate) fn when_gone(&self) -> impl Future<Output = ()> + Send + use<> {
        let gone = self.gone.clone();
        async move {
            match gone {
                Some(mut gone) => while gone.changed().await.is_ok() {},
                None => std::future::pending().await,
            }
        }
    }

    /// Sends commands in one go, and waits for all their answers. An error means that the connection failed; what was
    /// sent may or may not have been done.
    pub(crate) async fn send(&self, commands: &[Command]) -> RedisResult<Vec<RedisResult<Value>>> {
        match &self.wire {
            Wire::One(wire) => {
                let mut wire = wire.clone();
                if let [command] = commands {
                    return Ok(vec![answer(wire.send_packed_command(&command.0).await?)]);
                }
                let mut pipeline = Pipeline::with_capacity(commands.len());
                for command in commands {
                    pipeline.add_command(command.0.clone());
                }
                let answers = wire.send_packed_commands(&pipeline, 0, commands.len()).await?;
                Ok(answers.into_iter().map(answer).collect())
            }
            // Each to the node of its own keys, all at the same time.
            Wire::Cluster(wire) => {
                let send = async |command: &Command| {
                    wire.clone().req_packed_command(&command.0).await.and_then(answer)
                };
                Ok(join_all(commands.iter().map(send)).await)
            }
        }
    }
}

fn answer(value: Value) -> RedisResult<Value> {
    match value {
        Value::ServerError(error) => Err(RedisError::from(error)),
        value => Ok(value),
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
    }
}
