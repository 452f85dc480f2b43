//! How fast a relay empties the outbox into Redis, and what share of a core it takes.

use aftercommit::NewTask;
use aftercommit::postgres::{PostgresOptions, PostgresOutbox};
use aftercommit_servers::RedisServer;
use anyhow::Result;
use sqlx::PgPool;

use super::{Bench, Peer};
use crate::goal::Goal;
use crate::half::SendVerifyEmail;
use crate::halves::Half;
use crate::row::Row;

pub(super) type Redis = RedisServer;

/// How many rows are committed at once when the outbox is filled.
const BATCH: usize = 1_000;

/// A relay, and nothing else, in a process.
pub(super) async fn work(bench: &Bench, redis: &Redis, url: &str, tasks: usize) -> Result<Half> {
    let words = format!("relay --postgres {url} --redis {} --tasks {tasks}", redis.addr());
    bench.peers.work(Peer::Ours, &words).await
}

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let limit = "claim, publish, mark: one call each per batch of 500";
    let mut rate =
        Row::new("relay, Postgres to Redis", "rows/s", limit).goal(Goal::at_least(50_000.0, 50_000.0));
    // 50,000 rows a second on half a core.
    let mut cpu = Row::new("relay CPU", "ms per 1,000", limit).goal(Goal::at_most(10.0, 10.0));
    let mut share = Row::new("relay, at that rate", "cores", limit);
    let mut postgres = Row::new("relay, Postgres CPU", "ms per 1,000", limit);
    let rows = bench.scope.count(200_000, 50_000);
    for _ in 0..bench.scope.runs {
        let redis = Redis::start()?;
        let url = bench.server.fresh(&bench.peers, Peer::Ours).await?;
        fill(&url, rows).await?;
        bench.server.vacuum(Peer::Ours)?;
        let before = bench.server.cpu_time()?;
        let measured = work(bench, &redis, &url, rows).await?.measured().await?;
        let spent = bench.server.cpu_time()? - before;
        let (per_second, per_1000) = (measured.get("tasks_per_second")?, measured.get("cpu_ms_per_1000")?);
        rate.ours.add(per_second);
        cpu.ours.add(per_1000);
        share.ours.add(per_second * per_1000 / 1e6);
        postgres.ours.add(spent.as_secs_f64() * 1e6 / rows as f64);
    }
    Ok(vec![rate, cpu, share, postgres])
}

async fn fill(url: &str, rows: usize) -> Result<()> {
    let (pool, outbox) = (PgPool::connect(url).await?, PostgresOutbox::new(&PostgresOptions::parse(url)?));
    let mut left = rows;
    while left > 0 {
        let now = left.min(BATCH);
        let tasks = (0..now).map(|_| NewTask::of(&SendVerifyEmail::plain()));
        let mut tx = outbox.begin(&pool).await?;
        for stored in outbox.enqueue_batch_in(&mut tx, tasks.collect::<Result<Vec<_>, _>>()?).await? {
            stored?;
        }
        tx.commit().await?;
        left -= now;
    }
    Ok(())
}
