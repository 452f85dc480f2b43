//! The private Postgres of the measurements, and what its processes cost.

use std::time::Duration;

use aftercommit_servers::PostgresServer;
use anyhow::{Context, Result, bail};
use sqlx::{Connection as _, PgConnection};

use super::peers::{Peer, Programs};
use crate::machine;

/// What it has beyond Postgres' defaults.
const SETTINGS: [(&str, &str); 4] = [
    ("shared_buffers", "512MB"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "30min"),
    ("shared_preload_libraries", "pg_stat_statements"),
];
/// What every database starts with, beside the tables of its queue.
const HOST: &str = "CREATE EXTENSION pg_stat_statements;
    CREATE TABLE host_row (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL)";

const OF_THIS_DATABASE: &str = "FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// What statements cost.
pub(super) struct Spent {
    pub(super) exec_ms: f64,
    /// Shared blocks that were looked at, found in the cache or not.
    pub(super) blocks: f64,
    pub(super) calls: f64,
}

pub(super) struct Server {
    server: PostgresServer,
    postmaster: u32,
    pub(super) version: String,
}

impl Server {
    /// Every commit reaches the disk.
    pub(super) fn start() -> Result<Self> {
        let durable = PostgresServer::builder().durable();
        let builder = SETTINGS.iter().fold(durable, |builder, (name, value)| builder.set(name, value));
        let server = builder.start()?;
        let file = server.directory().join("data/postmaster.pid");
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let postmaster = text.lines().next().context("an empty postmaster.pid")?.trim().parse()?;
        let version = server.psql("postgres", "SHOW server_version")?;
        Ok(Self { server, postmaster, version })
    }

    pub(super) fn knobs(&self) -> String {
        let settings = SETTINGS.map(|(name, value)| format!("{name}={value}")).join(", ");
        format!("Postgres {} on loopback, fsync and synchronous_commit on, {settings}", self.version)
    }

    /// An empty database with the tables of a peer, whose old one is dropped; returns its URL.
    pub(super) async fn fresh(&self, peers: &Programs, peer: Peer) -> Result<String> {
        let (name, template) = (peer.database(), format!("{}_empty", peer.database()));
        let known = format!("SELECT 1 FROM pg_database WHERE datname = '{template}'");
        if self.server.psql("postgres", &known)?.is_empty() {
            self.server.psql("postgres", &format!("CREATE DATABASE {template}"))?;
            self.server.psql(&template, HOST)?;
            let words = format!("prepare --postgres {} {}", self.server.url(&template), peer.prepare());
            peers.run(peer, &words).await?;
        }
        self.server.psql("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        self.server.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
        Ok(self.server.url(name))
    }

    /// A database without anything, whose old one is dropped; returns its URL.
    pub(super) fn empty(&self, name: &str) -> Result<String> {
        self.server.psql("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        self.server.psql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(self.server.url(name))
    }

    /// A fresh database with a backlog, tidied up so that nothing of the filling is left to do.
    pub(super) async fn filled(&self, peers: &Programs, peer: Peer, tasks: usize) -> Result<String> {
        let url = self.fresh(peers, peer).await?;
        self.fill(peers, peer, &url, tasks).await?;
        Ok(url)
    }

    pub(super) async fn fill(&self, peers: &Programs, peer: Peer, url: &str, tasks: usize) -> Result<()> {
        let words = format!("enqueue --postgres {url} --tasks {tasks} --callers 2 --batch 1000");
        peers.run(peer, &words).await?;
        self.vacuum(peer)
    }

    pub(super) fn vacuum(&self, peer: Peer) -> Result<()> {
        self.server.psql(peer.database(), "VACUUM ANALYZE")?;
        Ok(())
    }

    /// Starts counting statements anew.
    pub(super) fn forget_statements(&self, peer: Peer) -> Result<()> {
        self.server.psql(peer.database(), "SELECT pg_stat_statements_reset()")?;
        Ok(())
    }

    /// What the statements in a peer's database have cost since then.
    pub(super) fn spent(&self, peer: Peer) -> Result<Spent> {
        let sums = "SELECT sum(total_exec_time), sum(shared_blks_hit + shared_blks_read), sum(calls)";
        let line = self.server.psql(peer.database(), &format!("{sums} {OF_THIS_DATABASE}"))?;
        let numbers: Vec<f64> = line.split('|').map(str::parse).collect::<Result<_, _>>()?;
        let [exec_ms, blocks, calls] = numbers[..] else { bail!("three sums, not {line:?}") };
        Ok(Spent { exec_ms, blocks, calls })
    }

    /// The statements that took longest since then, for people.
    pub(super) fn statements(&self, peer: Peer) -> Result<String> {
        let top = "SELECT round(total_exec_time::numeric, 1) || ' ms', calls || ' calls', rows || ' rows',
                          shared_blks_hit || ' hit', shared_blks_dirtied || ' dirtied',
                          left(regexp_replace(query, '\\s+', ' ', 'g'), 100)";
        let order = "ORDER BY total_exec_time DESC LIMIT 8";
        self.server.psql(peer.database(), &format!("{top} {OF_THIS_DATABASE} {order}"))
    }

    /// The processor time of all processes of the server, those included that have ended.
    pub(super) fn cpu_time(&self) -> Result<Duration> {
        machine::cpu_time_of_tree(self.postmaster).context("the server has ended")
    }

    /// A transaction that sees the database as it is now, for as long as the connection is kept: what is deleted
    /// meanwhile cannot be cleaned up.
    pub(super) async fn hold(&self, url: &str) -> Result<PgConnection> {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class")
            .execute(&mut connection)
            .await?;
        Ok(connection)
    }
}
