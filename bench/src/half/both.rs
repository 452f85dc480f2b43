//! A host that commits and works in one process, on one handle.

use std::sync::Arc;

use aftercommit::postgres::{PostgresOptions, PostgresQueue};
use anyhow::Result;
use sqlx::PgPool;

use super::cost::Late;
use super::produce::{Producer, at_pace};
use super::words::Both;
use super::work;

pub(super) async fn both(it: &Both) -> Result<Late> {
    let url = it.pace.place.postgres()?;
    let queue = PostgresQueue::new(&PostgresOptions::parse(url)?);
    let producer = Producer::Transaction(queue.clone(), PgPool::connect(url).await?);
    let late = work::late(Arc::new(queue), it.concurrency, it.pace.tasks as usize, it.skip);
    let (late, paced) = tokio::join!(late, at_pace(&producer, &it.pace));
    paced?;
    late
}
