//! The bare limit on Postgres: a table with the indexes that a queue needs, a batch in each statement, and no engine
//! around it. It knows no retries, no lost leases and no other workers, and so nothing that keeps its promises can be
//! faster. A claim changes nothing that an index has, and so no index is written to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use sqlx::{Connection as _, PgConnection};

use super::cost::{Cost, Moment, Window};
use super::place::Place;
use super::words::{Drain, Enqueue};
use super::{SendVerifyEmail, ready};

/// How many tasks it holds beyond its concurrency, as the engine may.
const HELD_BEYOND: usize = 200;

const TABLES: &str = "
CREATE TABLE bare (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state        smallint NOT NULL,
    epoch        integer  NOT NULL DEFAULT 0,
    leased_until bigint   NOT NULL DEFAULT 0,
    queue        text COLLATE \"C\" NOT NULL,
    id           text COLLATE \"C\" NOT NULL,
    payload      bytea    NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);
CREATE UNIQUE INDEX bare_id ON bare (queue, id);
CREATE INDEX bare_ready ON bare (queue, seq) WHERE state = 2";

const ENQUEUE: &str = "INSERT INTO bare (state, queue, id, payload)
SELECT 2, 'default', new.id, new.payload FROM unnest($1::text[], $2::bytea[]) AS new (id, payload)";

const CLAIM: &str = "UPDATE bare SET epoch = epoch + 1, leased_until = $2
 WHERE seq IN (SELECT seq FROM bare WHERE queue = 'default' AND state = 2 AND leased_until = 0
                ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING seq, payload";

const DELETE: &str = "DELETE FROM bare WHERE seq = ANY ($1)";

pub(super) async fn prepare(place: &Place) -> Result<()> {
    let mut connection = PgConnection::connect(place.postgres()?).await?;
    sqlx::raw_sql(TABLES).execute(&mut connection).await?;
    Ok(())
}

/// One connection for each caller, one statement for each batch.
pub(super) async fn enqueue(url: &str, it: &Enqueue) -> Result<Cost> {
    let payload = serde_json::to_vec(&SendVerifyEmail::plain())?;
    let (mut connections, mut first) = (Vec::new(), 0);
    for caller in 0..it.callers {
        let tasks = it.tasks / it.callers + usize::from(caller < it.tasks % it.callers);
        connections.push((PgConnection::connect(url).await?, first..first + tasks));
        first += tasks;
    }
    let from = Moment::now();
    let mut callers = Vec::new();
    for (mut connection, tasks) in connections {
        let (payload, batch) = (payload.clone(), it.batch);
        callers.push(tokio::spawn(async move {
            let mut at = tasks.start;
            while at < tasks.end {
                let ids: Vec<String> =
                    (at..tasks.end.min(at + batch)).map(|id| format!("{id:036}")).collect();
                let payloads = vec![payload.as_slice(); ids.len()];
                at += ids.len();
                sqlx::query(ENQUEUE).bind(ids).bind(payloads).execute(&mut connection).await?;
            }
            anyhow::Ok(())
        }));
    }
    for caller in callers {
        caller.await??;
    }
    Ok(Cost::of(it.tasks as u64, from, Moment::now()))
}

/// What the loops of one drain share.
struct Drained {
    tasks: u64,
    handled: AtomicU64,
    window: Window,
}

impl Drained {
    fn handle(&self, payload: &[u8]) -> Result<()> {
        let _: SendVerifyEmail = serde_json::from_slice(payload)?;
        let handled = self.handled.fetch_add(1, Ordering::Relaxed) + 1;
        if handled == self.tasks / 10 {
            self.window.tenth();
        } else if handled == self.tasks {
            self.window.all();
        }
        Ok(())
    }
}

pub(super) async fn drain(url: &str, it: &Drain) -> Result<Cost> {
    let batch = i64::try_from(it.batch.unwrap_or(it.concurrency + HELD_BEYOND))?;
    let drained =
        Arc::new(Drained { tasks: it.tasks, handled: AtomicU64::new(0), window: Window::default() });
    let mut connections = Vec::new();
    for _ in 0..it.loops {
        connections.push(PgConnection::connect(url).await?);
    }
    ready();
    let loops: Vec<_> = connections
        .into_iter()
        .map(|connection| tokio::spawn(turns(connection, batch, Arc::clone(&drained))))
        .collect();
    for running in loops {
        running.await??;
    }
    drained.window.cost(it.tasks).context("the backlog was smaller than was said")
}

/// Takes a batch and ends it, until nothing is left.
async fn turns(mut connection: PgConnection, batch: i64, drained: Arc<Drained>) -> Result<()> {
    /// Any moment to come will do.
    const LEASE_ENDS: i64 = 4_000_000_000_000;
    loop {
        let rows: Vec<(i64, Vec<u8>)> =
            sqlx::query_as(CLAIM).bind(batch).bind(LEASE_ENDS).fetch_all(&mut connection).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for (_, payload) in &rows {
            drained.handle(payload)?;
        }
        let done: Vec<i64> = rows.into_iter().map(|(seq, _)| seq).collect();
        sqlx::query(DELETE).bind(done).execute(&mut connection).await?;
    }
}
