//! A fleet: the stores of one configuration of the bank, and all its processes.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::future::join_all;
use tempfile::TempDir;

use crate::books::{Books, Database};
use crate::journal::{Clock, Journal};
use crate::keeper::{Keeper, SHUTDOWN_TIMEOUT, Struck};
use crate::kind::{FleetKind, Queue, Storage};
use crate::plan::{Blow, Fault, Role, Seat, Way};
use crate::postgres_site::PostgresSite;
use crate::process::{Process, Program};
use crate::redis_site::RedisSite;
use crate::sink::Sink;

/// How long a lease lasts here: short, so that what is frozen for a few seconds loses its tasks.
const LEASE: &str = "3s";
/// How long a task must be gone from Redis before it is published again: longer than Redis is ever away.
const LOST_AFTER: &str = "6s";
/// Failures are part of the plan, so no task runs out of retries.
const MAX_RETRY: &str = "1000";

/// The processes of a bank and what they stand on. Dropped, all of it is killed; the directory stays unless
/// [`Fleet::end`] takes it away.
pub(crate) struct Fleet {
    pub(crate) journal: Journal,
    database: Database,
    postgres: Option<PostgresSite>,
    redis: Option<RedisSite>,
    keepers: BTreeMap<Seat, Keeper>,
    /// Where the servers are, whichever process sits there.
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) sink: Sink,
    home: TempDir,
}

/// The files that a run leaves.
pub(crate) const EFFECTS: &str = "effects.jsonl";
const JOURNAL: &str = "journal.log";

impl Fleet {
    /// Starts the stores and every process.
    pub(crate) async fn start(
        kind: FleetKind,
        binary: &Path,
        further: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let mut home = tempfile::Builder::new().prefix("aftercommit-chaos-").tempdir()?;
        // If the run breaks off, somebody will want to know why.
        home.disable_cleanup(true);
        let clock = Clock::start();
        let journal = Journal::create(&home.path().join(JOURNAL), clock)?;
        let sink = Sink::start(&home.path().join(EFFECTS), clock).await?;
        let redis = match kind.queue() {
            Queue::Database => None,
            Queue::Redis => Some(RedisSite::start(journal.clone()).await?),
        };
        let postgres = match kind.storage() {
            Storage::Sqlite => None,
            Storage::Postgres => Some(PostgresSite::start(journal.clone()).await?),
        };
        let (database, source) = match &postgres {
            Some(postgres) => (Database::Postgres(postgres.url.clone()), postgres.source.clone()),
            None => {
                let path = home.path().join("simplebank.db");
                let source = format!("sqlite:{}", path.display());
                (Database::Sqlite(path), source)
            }
        };
        let program = Arc::new(Program {
            binary: binary.canonicalize().with_context(|| format!("no program {}", binary.display()))?,
            home: home.path().to_owned(),
            settings: settings(source, redis.as_ref(), &sink, further),
        });
        migrate(&program, &journal).await?;
        let (mut keepers, mut servers) = (BTreeMap::new(), Vec::new());
        for seat in Seat::all(kind) {
            let mut own = Vec::new();
            if seat.role == Role::Serve {
                let addr = free_address()?;
                servers.push(addr);
                own.push(("HTTP_SERVER_ADDRESS", addr.to_string()));
            }
            keepers.insert(seat, Keeper::start(Arc::clone(&program), seat, own, journal.clone())?);
        }
        Ok(Self { journal, database, postgres, redis, keepers, servers, sink, home })
    }

    /// Lets a fault happen, from its beginning to its end.
    pub(crate) async fn strike(&self, fault: &Fault) -> anyhow::Result<Struck> {
        match fault {
            Fault::Process(seat, blow) => return Ok(self.keepers[seat].strike(blow.clone()).await),
            Fault::Roll(role) => {
                for (_, keeper) in self.keepers.iter().filter(|(seat, _)| seat.role == *role) {
                    keeper.strike(Blow::Restart).await;
                }
            }
            Fault::Redis(fault) => self.redis()?.strike(fault).await?,
            Fault::Postgres(fault) => self.postgres()?.strike(fault).await?,
            Fault::Link(Way::ToRedis, fault) => self.redis()?.link.strike(fault).await,
            Fault::Link(Way::ToPostgres, fault) => self.postgres()?.link.strike(fault).await,
        }
        Ok(Struck::Yes)
    }

    fn redis(&self) -> anyhow::Result<&RedisSite> {
        self.redis.as_ref().context("this fleet has no Redis")
    }

    fn postgres(&self) -> anyhow::Result<&PostgresSite> {
        self.postgres.as_ref().context("this fleet has no Postgres")
    }

    /// What the stores say now.
    pub(crate) async fn books(&self) -> anyhow::Result<Books> {
        self.database.books(self.redis.as_ref().map(|redis| &redis.backend)).await
    }

    /// How much is not done yet, in the queue and in the outbox.
    pub(crate) async fn unfinished(&self) -> anyhow::Result<u64> {
        self.database.unfinished(self.redis.as_ref().map(|redis| &redis.backend)).await
    }

    /// Stops every process in order, at the same time.
    pub(crate) async fn stop_processes(&mut self) -> anyhow::Result<()> {
        let keepers = std::mem::take(&mut self.keepers);
        for stopped in join_all(keepers.into_values().map(Keeper::stop)).await {
            stopped?;
        }
        Ok(())
    }

    /// The directory with the effect log and the journal.
    pub(crate) fn path(&self) -> &Path {
        self.home.path()
    }

    /// Ends what is left, and keeps the directory if it is worth a look.
    pub(crate) fn end(self, keep: Keep) -> Option<std::path::PathBuf> {
        let Self { mut home, .. } = self;
        home.disable_cleanup(keep == Keep::Directory);
        (keep == Keep::Directory).then(|| home.path().to_owned())
    }
}

/// What is to be left of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Nothing,
    Directory,
}

fn settings(
    source: String,
    redis: Option<&RedisSite>,
    sink: &Sink,
    further: &[(String, String)],
) -> Vec<(String, String)> {
    let own = [
        ("DB_SOURCE", source),
        ("GRPC_SERVER_ADDRESS", "127.0.0.1:0".to_owned()),
        ("EMAIL_URL", format!("smtp://{}", sink.addr)),
        ("PASSWORD_HASH", "argon2id:m=8,t=1,p=1".to_owned()),
        ("TASK_LEASE", LEASE.to_owned()),
        ("TASK_MAX_RETRY", MAX_RETRY.to_owned()),
        ("TASK_RETRY_DELAY", "200ms".to_owned()),
        ("OUTBOX_LOST_AFTER", LOST_AFTER.to_owned()),
        ("SHUTDOWN_TIMEOUT", format!("{}s", SHUTDOWN_TIMEOUT.as_secs())),
        ("LOG_TASK_PAYLOADS", "true".to_owned()),
    ];
    let redis = redis.map(|redis| ("REDIS_ADDRESS", redis.link.addr.to_string()));
    let own = own.into_iter().chain(redis).map(|(key, value)| (key.to_owned(), value));
    // Of two values of a key a process gets the later one.
    own.chain(further.iter().cloned()).collect()
}

/// Makes the tables before everybody comes at once.
async fn migrate(program: &Arc<Program>, journal: &Journal) -> anyhow::Result<()> {
    let mut process = Process::start(program, "migrate", &["migrate", "up"], &[], journal)?;
    let status = process.ended().await?;
    anyhow::ensure!(status.success(), "migrate up: {status}; the journal has its words");
    Ok(())
}

/// An address on loopback that was free a moment ago. Below the ports of outgoing connections, so that it stays so while
/// a process is away.
fn free_address() -> anyhow::Result<SocketAddr> {
    use rand::RngExt as _;
    let mut random = rand::rng();
    (0..100)
        .map(|_| SocketAddr::from(([127, 0, 0, 1], random.random_range(12_000..32_000))))
        .find(|addr| TcpListener::bind(addr).is_ok())
        .context("no free port on loopback")
}
