//! Our producers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aftercommit::postgres::{PostgresOptions, PostgresOutbox, PostgresQueue};
use aftercommit::{Backend, Client, NewTask};
use anyhow::{Result, ensure};
use sqlx::{PgConnection, PgPool};

use super::SendVerifyEmail;
use super::cost::{Cost, Moment};
use super::place::{Place, Store};
use super::task::unix_nanos;
use super::words::{Enqueue, Pace, Schedule, Way};

/// How often a producer at a pace looks what is due.
const TICK: Duration = Duration::from_millis(1);

/// A client that has connected: what happens once is not measured.
async fn client(backend: Arc<dyn Backend>) -> Result<Client> {
    backend.queues().await?;
    Ok(Client::from_dyn(backend))
}

pub(super) async fn enqueue(it: &Enqueue) -> Result<Cost> {
    let client = client(it.place.backend()?).await?;
    let from = Moment::now();
    let mut callers = Vec::new();
    for caller in 0..it.callers {
        let (client, batch) = (client.clone(), it.batch);
        let tasks = (it.tasks / it.callers) + usize::from(caller < it.tasks % it.callers);
        callers.push(tokio::spawn(async move {
            if batch == 1 {
                for _ in 0..tasks {
                    client.enqueue(&SendVerifyEmail::plain()).await?;
                }
            } else {
                let mut left = tasks;
                while left > 0 {
                    let now = left.min(batch);
                    store(&client, (0..now).map(|_| SendVerifyEmail::plain())).await?;
                    left -= now;
                }
            }
            anyhow::Ok(())
        }));
    }
    for caller in callers {
        caller.await??;
    }
    Ok(Cost::of(it.tasks as u64, from, Moment::now()))
}

async fn store(client: &Client, tasks: impl Iterator<Item = SendVerifyEmail>) -> Result<()> {
    let batch = tasks.map(|task| NewTask::of(&task)).collect::<Result<Vec<_>, _>>()?;
    for stored in client.enqueue_batch(batch).await? {
        stored?;
    }
    Ok(())
}

/// Stores tasks with the moment before.
pub(super) enum Producer {
    Client(Client),
    Queue(Client, PostgresQueue),
    Transaction(PostgresQueue, PgPool),
    Outbox(PostgresOutbox, PgPool),
}

impl Producer {
    async fn new(place: &Place, way: Way) -> Result<Self> {
        if way == Way::Client {
            return Ok(match place.store()? {
                Store::Redis(_) => Self::Client(client(place.backend()?).await?),
                Store::Postgres(url) => {
                    let queue = PostgresQueue::new(&PostgresOptions::parse(&url)?);
                    Self::Queue(client(Arc::new(queue.clone())).await?, queue)
                }
            });
        }
        let url = place.postgres()?;
        let (pool, options) = (PgPool::connect(url).await?, PostgresOptions::parse(url)?);
        Ok(match way {
            Way::Outbox => Self::Outbox(PostgresOutbox::new(&options), pool),
            _ => Self::Transaction(PostgresQueue::new(&options), pool),
        })
    }

    /// The whole transaction comes after the moment.
    async fn store(&self, count: u32) -> Result<()> {
        match self {
            Self::Client(client) | Self::Queue(client, _) => {
                store(client, (0..count).map(|_| SendVerifyEmail::at(unix_nanos()))).await?;
            }
            Self::Transaction(queue, pool) => {
                for _ in 0..count {
                    let task = SendVerifyEmail::at(unix_nanos());
                    let mut tx = queue.begin(pool).await?;
                    host_row(&mut tx).await?;
                    queue.enqueue_in(&mut tx, &task).await?;
                    tx.commit().await?;
                }
            }
            Self::Outbox(outbox, pool) => {
                for _ in 0..count {
                    let task = SendVerifyEmail::at(unix_nanos());
                    let mut tx = outbox.begin(pool).await?;
                    host_row(&mut tx).await?;
                    outbox.enqueue_in(&mut tx, &task).await?;
                    tx.commit().await?;
                }
            }
        }
        Ok(())
    }

    /// Ends it, once other processes have been told of its last task.
    async fn close(&self) {
        match self {
            Self::Client(_) => {}
            Self::Queue(_, queue) | Self::Transaction(queue, _) => queue.close().await,
            Self::Outbox(outbox, _) => outbox.close().await,
        }
    }
}

/// What a host would store beside its task.
async fn host_row(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("INSERT INTO host_row (name) VALUES ($1)").bind("alice10").execute(conn).await?;
    Ok(())
}

/// A late call does not put off the next. What is due within one tick goes with one call, as a busy service would.
pub(super) async fn pace(it: &Pace) -> Result<Cost> {
    let producer = Producer::new(&it.place, it.way).await?;
    let cost = at_pace(&producer, it).await;
    producer.close().await;
    cost
}

pub(super) async fn at_pace(producer: &Producer, it: &Pace) -> Result<Cost> {
    let distance = Duration::from_secs_f64(1.0 / it.per_second);
    let (from, started) = (Moment::now(), Instant::now());
    let due = |at: u32| {
        let jitter = it.jitter * (2.0 * rand::random::<f64>() - 1.0);
        distance.mul_f64((f64::from(at) + jitter).max(0.0))
    };
    let mut sent = 0;
    while sent < it.tasks {
        let next = due(sent);
        let elapsed = started.elapsed();
        if elapsed < next {
            tokio::time::sleep((next - elapsed).max(TICK.min(distance))).await;
        }
        let elapsed = started.elapsed();
        let mut count = 1;
        while sent + count < it.tasks && distance * (sent + count) < elapsed {
            count += 1;
        }
        producer.store(count).await?;
        sent += count;
    }
    Ok(Cost::of(u64::from(it.tasks), from, Moment::now()))
}

pub(super) async fn schedule(it: &Schedule) -> Result<Cost> {
    let client = client(it.place.backend()?).await?;
    let (from, started, first) = (Moment::now(), Instant::now(), unix_nanos());
    for at in 0..it.tasks {
        let due = it.ahead + it.apart * at;
        let nanos = first + i64::try_from(due.as_nanos())?;
        let moment = std::time::UNIX_EPOCH + Duration::from_nanos(nanos.unsigned_abs());
        client.enqueue(&SendVerifyEmail::at(nanos)).process_at(moment).await?;
    }
    ensure!(started.elapsed() < it.ahead, "enqueuing took longer than the tasks were ahead");
    Ok(Cost::of(u64::from(it.tasks), from, Moment::now()))
}
