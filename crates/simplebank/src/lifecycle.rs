//! The life of a process: what each role starts, and how everything stops in order.

mod database;
mod servers;
mod signals;

use crate::config::{ALL, Config, Migrate, Redis, Retain, Role};
use crate::domain::time::SystemClock;
use crate::failpoint;
use crate::mail::Mailer;
use crate::password::{PasswordPool, PoolLimits};
use crate::service::{Bank, Parts, Settings};
use crate::store::{Store, audit, migrate};
use crate::tasks::send_verify_email::Desk;
use crate::tasks::{self, Delivery, TaskDistributor, TaskProcessor, TaskRelay};
use crate::token::entropy::OsEntropy;
use crate::token::key_file;
use crate::token::keyring::{Key, KeyRing};
use anyhow::{Context, Result, bail};
use servers::{Ports, Servers};
use signals::Signals;
use std::path::Path;
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;

/// Where a development machine keeps the key it made.
const KEY_FILE: &str = "simplebank.key";

/// Plays the role until it is done, or until the process is asked to stop.
///
/// # Errors
/// In one line, what could not be started or what broke.
pub async fn run(config: Config) -> Result<()> {
    for notice in &config.notices {
        tracing::warn!("{notice}");
    }
    match config.role {
        Role::Migrate(action) => look_after_schema(&config, action).await,
        Role::Audit => list_findings(&config).await,
        Role::All | Role::Serve | Role::Worker | Role::Relay => work(&config).await,
    }
}

async fn look_after_schema(config: &Config, action: Migrate) -> Result<()> {
    let source = &config.store.source;
    match action {
        Migrate::Up { steps: ALL } => database::prepare(source).await.map(drop).map_err(Into::into),
        Migrate::Up { steps } => {
            for version in migrate::up_by(source, steps).await? {
                tracing::info!("migration {version} applied");
            }
            Ok(())
        }
        Migrate::Down { steps } => {
            for version in migrate::down(source, steps).await? {
                tracing::info!("migration {version} taken back");
            }
            Ok(())
        }
        Migrate::Status => {
            for migration in migrate::status(source).await? {
                println!("{:>3}  {:<8}  {}", migration.version, migration.state, migration.name);
            }
            Ok(())
        }
    }
}

async fn list_findings(config: &Config) -> Result<()> {
    let findings = audit::audit(&config.store.source).await?;
    for finding in &findings {
        println!("{}, but for {}:", finding.rule, finding.count);
        finding.rows.iter().for_each(|row| println!("  {row}"));
        match finding.count - finding.rows.len() {
            0 => {}
            more => println!("  and {more} more"),
        }
    }
    if !findings.is_empty() {
        bail!("rules are broken: {}", findings.len());
    }
    println!("every rule holds");
    Ok(())
}

async fn work(config: &Config) -> Result<()> {
    // Ports first: a second instance started by mistake must not touch the data.
    let ports = config.role.serves().then(|| Ports::bind(config)).transpose()?;
    let redis = config.redis.as_ref().map(Redis::options).transpose()?;
    let mut signals = Signals::listen()?;
    let store = tokio::select! {
        store = database::wait(&config.store.source, ports.as_ref()) => store?,
        () = signals.next() => return Ok(()),
    };
    failpoint!("start.migrated").await?;
    let delivery = Delivery::new(&store, redis, config.delivery);
    if let Err(error) = delivery.warn_of_stranded(&store).await {
        // It is advice. A database that is away again is one that the bank lives with from here on.
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "cannot tell whether tasks of another configuration wait");
    }
    let bank = config.role.needs_keys().then(|| open_bank(config, &store, &delivery)).transpose()?;
    let mailer = match config.role.works() {
        true => Some(Mailer::open(&config.mail.destination).await?),
        false => None,
    };

    let _purging = bank.clone().filter(|_| config.role.serves()).map(|bank| background(bank.keep_purging()));
    let _looking = match &delivery {
        // A worker looks by itself.
        Delivery::Outbox { backend, .. } | Delivery::Direct { backend, .. } if !config.role.works() => {
            Some(background(tasks::look_at_redis(backend.clone())))
        }
        Delivery::Database(_) | Delivery::Outbox { .. } | Delivery::Direct { .. } => None,
    };
    let servers = match ports.zip(bank.as_ref()) {
        Some((ports, bank)) => Some(Servers::start(ports, bank, &store, config).await?),
        None => None,
    };
    let relay = config.role.relays().then(|| start_relay(&delivery, config.retain)).transpose()?.flatten();
    let processor = mailer.zip(bank).map(|(mailer, bank)| start_processor(config, bank, mailer, &delivery));
    let mut running = Running { servers, relay, processor: processor.transpose()? };
    let broken = tokio::select! {
        () = signals.next() => Ok(()),
        broken = running.broken() => broken,
    };
    tokio::select! {
        () = running.drain() => {}
        () = signals.next() => bail!("stopped at once by a second signal"),
    }
    store.close().await;
    broken
}

fn background<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> AbortOnDropHandle<T> {
    AbortOnDropHandle::new(tokio::spawn(work))
}

fn open_bank(config: &Config, store: &Store, delivery: &Delivery) -> Result<Bank> {
    let entropy = Arc::new(OsEntropy);
    let key = match &config.tokens.current {
        Some(key) => key.clone(),
        None => development_key(&entropy)?,
    };
    let limits = PoolLimits::of_this_machine();
    let tasks = TaskDistributor::new(delivery.clone(), &config.tasks, config.log.task_payloads);
    Ok(Bank::new(Parts {
        store: store.clone(),
        passwords: PasswordPool::new(&config.passwords, limits, Arc::clone(&entropy) as _),
        keys: KeyRing::new(key, config.tokens.previous.clone())?,
        clock: Arc::new(SystemClock),
        entropy,
        tasks: Arc::new(tasks),
        settings: Settings { verify_email_duration: config.mail.verify_email_duration },
    }))
}

fn development_key(entropy: &OsEntropy) -> Result<Key> {
    Ok(key_file::load_or_create(Path::new(KEY_FILE), entropy)?)
}

/// The relay, where tasks have to be published.
fn start_relay(delivery: &Delivery, retain: Retain) -> Result<Option<TaskRelay>> {
    match delivery {
        Delivery::Database(_) | Delivery::Direct { .. } => Ok(None),
        Delivery::Outbox { outbox, backend } => {
            let relay = tasks::start_task_relay(outbox.clone(), backend.clone(), retain);
            relay.map(Some).context("failed to start task relay")
        }
    }
}

fn start_processor(
    config: &Config,
    bank: Bank,
    mailer: Mailer,
    delivery: &Delivery,
) -> Result<TaskProcessor> {
    let desk = Desk {
        bank,
        mailer,
        sender: config.mail.sender.clone(),
        base_url: config.server.public_base_url.clone(),
        missing_user: config.tasks.missing_user,
        payloads: config.log.task_payloads,
    };
    tasks::start_task_processor(delivery.backend(), desk, &config.tasks, config.server.shutdown_timeout)
        .context("failed to start task processor")
}

/// What runs in this process.
struct Running {
    servers: Option<Servers>,
    relay: Option<TaskRelay>,
    processor: Option<TaskProcessor>,
}

impl Running {
    /// Waits for something to end by itself, which it should not.
    async fn broken(&mut self) -> Result<()> {
        let relay = async {
            match &mut self.relay {
                Some(relay) => relay.ended().await,
                None => std::future::pending().await,
            }
        };
        let processor = async {
            match &mut self.processor {
                Some(processor) => processor.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = relay => ended.context("the task relay stopped"),
            ended = processor => ended.context("the task processor stopped"),
        }
    }

    /// Servers and worker stop at the same time, each within the deadline. The relay ends after the servers, so that
    /// what they commit last is published; the worker does not wait for that, since another one, or the next start,
    /// finds it in Redis. The database is closed after them.
    async fn drain(self) {
        let requests = async {
            if let Some(servers) = self.servers {
                servers.drain().await;
            }
            if let Some(relay) = self.relay {
                relay.drain().await;
            }
        };
        let tasks = async {
            if let Some(processor) = self.processor {
                processor.drain().await;
            }
        };
        tokio::join!(requests, tasks);
    }
}
