//! Runs the bank's tasks: the worker, its handlers, and what is logged about them.

use super::background::Background;
use super::distributor::payload_text;
use super::send_verify_email::{Desk, SendVerifyEmail, send_verify_email};
use crate::config::{RetryDelay, TaskPayloads, Tasks};
use aftercommit::{AsynqBackoff, Backend, Failure, Fixed, Message, Router, StopHandle, Worker};
use std::sync::Arc;
use std::time::Duration;

/// A worker that runs.
#[derive(Debug)]
pub struct TaskProcessor {
    stop: StopHandle,
    running: Background,
}

/// Starts a worker for the bank's tasks.
///
/// # Errors
/// The configuration asks for a worker that cannot work.
pub fn start_task_processor(
    backend: Arc<dyn Backend>,
    desk: Desk,
    tasks: &Tasks,
    shutdown_timeout: Duration,
) -> aftercommit::Result<TaskProcessor> {
    let payloads = desk.payloads;
    let router = Router::with_state(Arc::new(desk)).route(send_verify_email);
    let mut builder = Worker::builder_dyn(backend, router)
        .requires::<SendVerifyEmail>()
        .concurrency(tasks.concurrency)
        .lease(tasks.lease)
        .shutdown_timeout(shutdown_timeout)
        .on_failure(move |message, failure| log_failure(message, failure, payloads));
    for (name, weight) in &tasks.queues {
        builder = builder.queue(name, *weight);
    }
    builder = match tasks.retry_delay {
        RetryDelay::Asynq => builder.retry_policy(AsynqBackoff),
        RetryDelay::Fixed(delay) => builder.retry_policy(Fixed(delay)),
    };
    let worker = builder.build()?;
    tracing::info!("start task processor");
    Ok(TaskProcessor { stop: worker.stop_handle(), running: Background::start(worker.run()) })
}

impl TaskProcessor {
    /// Waits until the worker has ended.
    ///
    /// # Errors
    /// It ended because something in it broke.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        self.running.ended().await
    }

    /// Stops the worker: running tasks may finish, the rest goes back to the queue.
    pub async fn drain(mut self) {
        if self.running.is_over() {
            return;
        }
        tracing::info!("graceful shutdown task processor");
        self.stop.shutdown();
        match self.ended().await {
            Ok(()) => tracing::info!("task processor is stopped"),
            Err(error) => tracing::error!("task processor broke: {error:#}"),
        }
    }
}

fn log_failure(message: &Message, failure: &Failure, payloads: TaskPayloads) {
    tracing::error!(
        error = failure.error,
        r#type = %message.task_type,
        payload = payload_text(&message.payload, payloads),
        "process task failed"
    );
}
