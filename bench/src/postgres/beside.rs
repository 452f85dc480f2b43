//! What a task's row costs the transaction that it is committed in, as the rate of such transactions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aftercommit::postgres::{PostgresOptions, PostgresOutbox, PostgresQueue};
use anyhow::{Context, Result, bail};
use argon2::Argon2;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection as _, PgConnection, PgPool};

use super::{Bench, Peer};
use crate::bank::Hash;
use crate::goal::Goal;
use crate::half::SendVerifyEmail;
use crate::row::Row;

/// What the host does in its transaction.
#[derive(Debug, Clone, Copy)]
pub(super) enum Host {
    /// One small row.
    Row,
    /// What the bank stores for a new user, its password hashed cheaply before.
    CreateUser,
}

/// How the task gets into it.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Not at all: BEGIN, INSERT, COMMIT.
    Without,
    /// `PostgresQueue::enqueue_in`: a second statement, awaited.
    Queue,
    /// `PostgresOutbox::enqueue_in`: the same.
    Outbox,
    /// One statement, without BEGIN and COMMIT, with the SQL function of the migrations.
    FoldedQueue,
    /// The same for the outbox.
    FoldedOutbox,
    /// A second statement, and a notification inside of the transaction: what the library does not do.
    Notify,
}

const WAYS: [Way; 6] =
    [Way::Without, Way::Queue, Way::Outbox, Way::FoldedQueue, Way::FoldedOutbox, Way::Notify];

const INSERT_ROW: &str = "INSERT INTO host_row (name) VALUES ($1)";
const INSERT_USER: &str = "INSERT INTO host_user (username, hashed_password, full_name, email) VALUES ($1, $2, 'Bench Mark', $1 || '@example.com')";
const HAS_FUNCTION: &str =
    "SELECT EXISTS (SELECT FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = 'aftercommit' AND p.proname = $1)";
const USERS: &str = "CREATE TABLE host_user (username text PRIMARY KEY, hashed_password text NOT NULL,
    full_name text NOT NULL, email text NOT NULL UNIQUE, created_at timestamptz NOT NULL DEFAULT now())";

impl Host {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Row => "a small INSERT",
            Self::CreateUser => "create_user, cheap hash",
        }
    }

    const fn insert(self) -> &'static str {
        match self {
            Self::Row => INSERT_ROW,
            Self::CreateUser => INSERT_USER,
        }
    }
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Without => "without",
            Self::Queue => "queue.enqueue_in",
            Self::Outbox => "outbox.enqueue_in",
            Self::FoldedQueue => "folded into one statement, queue",
            Self::FoldedOutbox => "folded into one statement, outbox",
            Self::Notify => "queue.enqueue_in and pg_notify",
        }
    }

    /// The SQL function that is folded into the host's statement.
    const fn function(self) -> Option<&'static str> {
        match self {
            Self::FoldedQueue => Some("enqueue"),
            Self::FoldedOutbox => Some("enqueue_outbox"),
            _ => None,
        }
    }

    fn goal(self, connections: u32) -> Option<Goal> {
        match self {
            Self::Queue | Self::Outbox if connections >= 8 => Some(Goal::of_bare(0.75)),
            Self::FoldedQueue | Self::FoldedOutbox => Some(Goal::of_bare(1.0)),
            _ => None,
        }
    }
}

/// The column of the bare loop has the same transactions without a task.
pub(super) async fn measure(bench: &Bench, host: Host, connections: u32) -> Result<Vec<Row>> {
    let limit =
        "flushes of the log, and round trips; in the column of the bare loop: the same without a task";
    let mut rows: Vec<Row> = WAYS[1..]
        .iter()
        .map(|way| {
            let name = format!("beside {}, {connections} connections, {}", host.name(), way.name());
            let mut row = Row::new(name, "tx/s", limit);
            row.goals.extend(way.goal(connections));
            row
        })
        .collect();
    let seconds = Duration::from_millis(bench.scope.count(1_500, 1_000) as u64);
    for _ in 0..bench.scope.runs {
        let mut without = 0.0;
        for (at, way) in WAYS.into_iter().enumerate() {
            let url = bench.server.fresh(&bench.peers, Peer::Ours).await?;
            let Some(rate) = load(&url, host, way, connections, seconds).await? else { continue };
            match at {
                0 => without = rate,
                _ => rows[at - 1].add(rate, without),
            }
        }
    }
    Ok(rows)
}

/// How often such a transaction is done in a second without a task.
pub(super) async fn without(url: &str, host: Host, connections: u32, time: Duration) -> Result<f64> {
    let rate = load(url, host, Way::Without, connections, time).await?;
    rate.context("every database can do it without")
}

/// What the callers of one load share.
struct Load {
    pool: PgPool,
    queue: PostgresQueue,
    outbox: PostgresOutbox,
    host: Host,
    way: Way,
    folded: Option<String>,
    argon2: Argon2<'static>,
    names: AtomicU64,
}

/// Transactions a second; `None` if the database cannot do it that way.
async fn load(url: &str, host: Host, way: Way, connections: u32, time: Duration) -> Result<Option<f64>> {
    let (pool, options) = (
        PgPoolOptions::new().max_connections(connections).min_connections(connections).connect(url).await?,
        PostgresOptions::parse(url)?,
    );
    sqlx::raw_sql(USERS).execute(&pool).await?;
    if let Some(function) = way.function()
        && !sqlx::query_scalar(HAS_FUNCTION).bind(function).fetch_one(&pool).await?
    {
        return Ok(None);
    }
    let load = Arc::new(Load {
        queue: PostgresQueue::new(&options),
        outbox: PostgresOutbox::new(&options),
        folded: way.function().map(|function| folded(host, function)),
        argon2: Hash::Cheap.argon2()?,
        names: AtomicU64::new(0),
        pool,
        host,
        way,
    });
    let started = Instant::now();
    let callers: Vec<_> = (0..connections)
        .map(|_| {
            let load = Arc::clone(&load);
            tokio::spawn(async move {
                let mut done = 0_u64;
                let mut connection = load.pool.acquire().await?;
                while started.elapsed() < time {
                    load.transaction(&mut connection).await?;
                    done += 1;
                }
                anyhow::Ok(done)
            })
        })
        .collect();
    let mut done = 0;
    for caller in callers {
        done += caller.await??;
    }
    let rate = done as f64 / started.elapsed().as_secs_f64();
    load.pool.close().await;
    Ok(Some(rate))
}

fn folded(host: Host, function: &str) -> String {
    let task = "'task:send_verify_email', '{\"username\":\"alice10\"}'::jsonb";
    format!("WITH u AS ({} RETURNING 1) SELECT aftercommit.{function}({task}) FROM u", host.insert())
}

impl Load {
    async fn transaction(&self, connection: &mut PgConnection) -> Result<()> {
        let name = format!("user{}", self.names.fetch_add(1, Ordering::Relaxed));
        let hash = self.hash(&name)?;
        if let Some(folded) = &self.folded {
            return self.insert(connection, folded, &name, &hash).await;
        }
        let mut tx = connection.begin().await?;
        self.insert(&mut tx, self.host.insert(), &name, &hash).await?;
        let task = SendVerifyEmail::plain();
        match self.way {
            Way::Without | Way::FoldedQueue | Way::FoldedOutbox => {}
            Way::Queue => drop(self.queue.enqueue_in(&mut tx, &task).await?),
            Way::Outbox => drop(self.outbox.enqueue_in(&mut tx, &task).await?),
            Way::Notify => {
                drop(self.queue.enqueue_in(&mut tx, &task).await?);
                sqlx::query("SELECT pg_notify('bench', '')").execute(&mut *tx).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    async fn insert(&self, conn: &mut PgConnection, sql: &str, name: &str, hash: &str) -> Result<()> {
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(name);
        match self.host {
            Host::Row => query.execute(conn).await?,
            Host::CreateUser => query.bind(hash).execute(conn).await?,
        };
        Ok(())
    }

    /// Empty where the host stores none.
    fn hash(&self, name: &str) -> Result<String> {
        if matches!(self.host, Host::Row) {
            return Ok(String::new());
        }
        let (mut output, salt) = ([0; 32], format!("{name:0>16}"));
        if self.argon2.hash_password_into(b"secret123", salt.as_bytes(), &mut output).is_err() {
            bail!("Argon2 refuses a salt of {} bytes", salt.len());
        }
        Ok(output.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
