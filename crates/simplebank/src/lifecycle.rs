//! The life of a process: what each role starts, and how everything stops in order.

use crate::config::{Config, Migrate, Role};
use crate::domain::time::SystemClock;
use crate::gateway::Gateway;
use crate::grpc::{self, Limits, SimpleBankApi};
use crate::mail::Mailer;
use crate::password::{PasswordPool, PoolLimits};
use crate::pb;
use crate::server::{self, Check, Drained, Readiness};
use crate::service::{Bank, Parts, Settings};
use crate::store::{Store, migrate};
use crate::tasks::send_verify_email::Desk;
use crate::tasks::{TaskDistributor, TaskProcessor, start_task_processor};
use crate::token::entropy::OsEntropy;
use crate::token::key_file;
use crate::token::keyring::{Key, KeyRing};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
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
        Role::All | Role::Serve | Role::Worker => work(&config).await,
    }
}

async fn look_after_schema(config: &Config, action: Migrate) -> Result<()> {
    let source = &config.store.source;
    match action {
        Migrate::Up => prepare_schema(config).await.map(drop),
        Migrate::Down => {
            for version in migrate::down(source, 1).await? {
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

/// Brings the bank's tables and the queue's up to date, and opens the store.
async fn prepare_schema(config: &Config) -> Result<Store> {
    migrate::up(&config.store.source).await.context("failed to run migrate up")?;
    let store = Store::open(&config.store.source).await?;
    store.queue().migrate().await.context("failed to migrate the task queue")?;
    tracing::info!("db migrated successfully");
    Ok(store)
}

async fn work(config: &Config) -> Result<()> {
    // Ports first: a second instance started by mistake must not touch the data.
    let ports = config.role.serves().then(|| Ports::bind(config)).transpose()?;
    let store = prepare_schema(config).await?;
    let bank = open_bank(config, &store)?;
    let mailer = match config.role.works() {
        true => Some(Mailer::open(&config.mail.destination).await?),
        false => None,
    };
    let mut signals = Signals::listen()?;

    let _purging =
        config.role.serves().then(|| AbortOnDropHandle::new(tokio::spawn(bank.clone().keep_purging())));
    let servers = match ports {
        Some(ports) => Some(Servers::start(ports, &bank, &store, config).await?),
        None => None,
    };
    let mut processor = mailer.map(|mailer| start_processor(config, bank, mailer, &store)).transpose()?;
    let broken = tokio::select! {
        () = signals.next() => Ok(()),
        ended = ended(&mut processor) => ended.context("the task processor stopped"),
    };
    tokio::select! {
        () = drain(servers, processor) => {}
        () = signals.next() => bail!("stopped at once by a second signal"),
    }
    store.close().await;
    broken
}

fn open_bank(config: &Config, store: &Store) -> Result<Bank> {
    let entropy = Arc::new(OsEntropy);
    let key = match &config.tokens.current {
        Some(key) => key.clone(),
        None => development_key(&entropy)?,
    };
    let limits = PoolLimits::of_this_machine();
    let tasks = TaskDistributor::new(store.queue().clone(), &config.tasks, config.log.task_payloads);
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

fn start_processor(config: &Config, bank: Bank, mailer: Mailer, store: &Store) -> Result<TaskProcessor> {
    let desk = Desk {
        bank,
        mailer,
        sender: config.mail.sender.clone(),
        base_url: config.server.public_base_url.clone(),
        missing_user: config.tasks.missing_user,
        payloads: config.log.task_payloads,
    };
    start_task_processor(store.queue().clone(), desk, &config.tasks, config.server.shutdown_timeout)
        .context("failed to start task processor")
}

/// Waits for the processor to end by itself, which it should not.
async fn ended(processor: &mut Option<TaskProcessor>) -> Result<()> {
    match processor {
        Some(processor) => processor.ended().await,
        None => std::future::pending().await,
    }
}

struct Ports {
    grpc: TcpListener,
    http: TcpListener,
}

impl Ports {
    fn bind(config: &Config) -> Result<Self> {
        Ok(Self { grpc: server::bind(config.server.grpc)?, http: server::bind(config.server.http)? })
    }
}

/// The running servers.
struct Servers {
    readiness: Readiness,
    stop: CancellationToken,
    grpc: JoinHandle<Drained>,
    http: JoinHandle<Drained>,
}

impl Servers {
    async fn start(ports: Ports, bank: &Bank, store: &Store, config: &Config) -> Result<Self> {
        let store = store.clone();
        let database = Check::new("database", move || {
            let store = store.clone();
            async move { store.ping().await.map_err(Into::into) }
        });
        let readiness = Readiness::new(vec![database]).await;
        let api = SimpleBankApi::new(bank.clone());
        let services = grpc::services(api, readiness.health_service(), Limits::default())?;
        let gateway = Gateway::new(&pb::descriptors(), services.clone())?;
        let web = server::web(gateway, readiness.clone());

        let (stop, deadline) = (CancellationToken::new(), config.server.shutdown_timeout);
        tracing::info!("start gRPC server at {}", ports.grpc.local_addr()?);
        let grpc = tokio::spawn(server::serve_grpc(ports.grpc, services, stop.clone(), deadline));
        tracing::info!("start HTTP gateway server at {}", ports.http.local_addr()?);
        let http = tokio::spawn(server::serve_gateway(ports.http, web, stop.clone(), deadline));
        readiness.start_serving().await;
        Ok(Self { readiness, stop, grpc, http })
    }

    async fn drain(self) {
        self.readiness.start_draining().await;
        tracing::info!("graceful shutdown gRPC server");
        tracing::info!("graceful shutdown HTTP gateway server");
        self.stop.cancel();
        report("HTTP gateway server", self.http.await);
        report("gRPC server", self.grpc.await);
    }
}

fn report(what: &str, drained: Result<Drained, tokio::task::JoinError>) {
    match drained {
        Ok(Drained::Completely) => tracing::info!("{what} is stopped"),
        Ok(Drained::Cut(connections)) => {
            tracing::warn!(connections, "{what} is stopped, connections were cut")
        }
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "{what} broke"),
    }
}

/// Servers and worker stop at the same time, each within the deadline; the database is closed after them.
async fn drain(servers: Option<Servers>, processor: Option<TaskProcessor>) {
    let servers = async {
        if let Some(servers) = servers {
            servers.drain().await;
        }
    };
    let processor = async {
        if let Some(mut processor) = processor {
            tracing::info!("graceful shutdown task processor");
            processor.shut_down();
            match processor.ended().await {
                Ok(()) => tracing::info!("task processor is stopped"),
                Err(error) => tracing::error!("task processor broke: {error:#}"),
            }
        }
    };
    tokio::join!(servers, processor);
}

/// Ctrl-C and SIGTERM. The first stops the process in order, the second at once.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?,
            terminate: signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
