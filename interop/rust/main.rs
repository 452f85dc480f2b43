//! A worker of ours that does what `interop-go worker` does: the same settings, the same handlers, the same effect log.
//!
//! It serves until SIGTERM or the end of standard input, and then stops gracefully; SIGTSTP stops the fetching only.

mod effects;
mod groups;
mod handlers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit::{Failure, Fixed, GroupRules, Message, RetryPolicy, StopHandle, Worker};
use aftercommit_interop::Config;
use anyhow::Context as _;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::filter::LevelFilter;

use effects::Effects;

/// Runs tasks as their types say.
#[derive(Debug, Parser)]
struct Args {
    /// Where Redis is.
    #[arg(long, default_value = "127.0.0.1:6379")]
    redis: SocketAddr,
    /// The number of the database.
    #[arg(long, default_value_t = 0)]
    db: u32,
    /// The settings, as JSON.
    #[arg(long, default_value = "{}")]
    config: String,
    /// The file to append executions to.
    #[arg(long)]
    effects: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let config: Config = serde_json::from_str(&args.config).context("the settings cannot be read")?;
    // asynq has one level more, which ours has nothing to say on.
    let level = match config.log_level.as_deref() {
        None => LevelFilter::INFO,
        Some("fatal") => LevelFilter::OFF,
        Some(level) => level.parse().context("no such log level")?,
    };
    tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(std::io::stderr).init();
    let options = RedisOptions::tcp(&args.redis.ip().to_string(), args.redis.port()).database(args.db);
    let worker = assemble(RedisBackend::new(options), &config, Effects::open(&args.effects)?)?;
    let signals = tokio::spawn(obey(worker.stop_handle()));
    println!(r#"{{"ready":{{"pid":{}}}}}"#, std::process::id());
    let ended = worker.run().await;
    signals.abort();
    Ok(ended?)
}

fn assemble(backend: RedisBackend, config: &Config, effects: Effects) -> anyhow::Result<Worker> {
    let mut builder = Worker::builder(backend, handlers::router(effects));
    for (queue, weight) in &config.queues {
        builder = builder.queue(queue, *weight);
    }
    if config.strict {
        builder = builder.strict_priority();
    }
    if let Some(concurrency) = config.concurrency {
        builder = builder.concurrency(usize::try_from(concurrency)?);
    }
    if let Some(ms) = config.shutdown_timeout_ms {
        builder = builder.shutdown_timeout(Duration::from_millis(ms));
    }
    let delay = config.retry_delay_ms.map(|ms| Fixed(Duration::from_millis(ms)));
    builder = builder.retry_policy(Lenient { delay });
    if let Some(groups) = &config.groups {
        let rules = GroupRules {
            grace_period: Duration::from_millis(groups.grace_ms),
            max_delay: Some(groups.max_delay_ms).filter(|ms| *ms > 0).map(Duration::from_millis),
            max_size: usize::try_from(groups.max_size).ok().filter(|size| *size > 0),
            ..GroupRules::default()
        };
        let retention = Duration::from_millis(groups.retention_ms);
        builder = builder.aggregate(rules, groups::Aggregator { retention, hangs: groups.hangs });
    }
    Ok(builder.build()?)
}

/// A fixed delay, or asynq's, and the error of `nofail:` is no failure.
#[derive(Debug)]
struct Lenient {
    delay: Option<Fixed>,
}

impl RetryPolicy for Lenient {
    fn delay(&self, message: &Message, failure: &Failure, entropy: u64) -> Duration {
        match &self.delay {
            Some(fixed) => fixed.delay(message, failure, entropy),
            None => aftercommit::AsynqBackoff.delay(message, failure, entropy),
        }
    }

    fn is_failure(&self, _: &Message, failure: &Failure) -> bool {
        failure.error != handlers::NOT_A_FAILURE
    }
}

/// Stops the worker when it is told to.
async fn obey(stop: StopHandle) -> anyhow::Result<()> {
    let mut quiet = signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?;
    let mut term = signal(SignalKind::terminate())?;
    let (tell, mut closed) = oneshot::channel();
    // A thread of its own: a read of standard input cannot be taken back, and would hold up the end of the runtime.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = tell.send(());
    });
    loop {
        tokio::select! {
            _ = quiet.recv() => stop.quiet(),
            _ = term.recv() => break,
            _ = &mut closed => break,
        }
    }
    stop.shutdown();
    Ok(())
}
