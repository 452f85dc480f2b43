//! Where the queue of a half is.

use std::sync::Arc;

use aftercommit::Backend;
use aftercommit::postgres::{PostgresOptions, PostgresQueue};
use aftercommit::redis::{RedisBackend, RedisOptions};
use anyhow::{Context, Result, bail};
use clap::Args;

#[derive(Args, Clone)]
pub(super) struct Place {
    /// HOST:PORT.
    #[arg(long)]
    redis: Option<String>,
    /// The URL of a database.
    #[arg(long)]
    postgres: Option<String>,
}

/// The URL of a store.
pub(super) enum Store {
    Redis(String),
    Postgres(String),
}

impl Place {
    /// The one store that was named.
    pub(super) fn store(&self) -> Result<Store> {
        match (&self.redis, &self.postgres) {
            (Some(addr), None) => Ok(Store::Redis(redis_url(addr))),
            (None, Some(url)) => Ok(Store::Postgres(url.clone())),
            _ => bail!("either --redis or --postgres is wanted"),
        }
    }

    pub(super) fn backend(&self) -> Result<Arc<dyn Backend>> {
        Ok(match self.store()? {
            Store::Redis(url) => Arc::new(RedisBackend::new(RedisOptions::parse(&url)?)),
            Store::Postgres(url) => Arc::new(PostgresQueue::new(&PostgresOptions::parse(&url)?)),
        })
    }

    pub(super) fn postgres(&self) -> Result<&str> {
        self.postgres.as_deref().context("--postgres is wanted")
    }

    pub(super) fn redis(&self) -> Result<RedisBackend> {
        let addr = self.redis.as_deref().context("--redis is wanted")?;
        Ok(RedisBackend::new(RedisOptions::parse(&redis_url(addr))?))
    }
}

fn redis_url(addr: &str) -> String {
    format!("redis://{addr}")
}
