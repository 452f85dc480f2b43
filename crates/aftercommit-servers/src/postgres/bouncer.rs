//! A private `pgbouncer` in front of a private Postgres.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;

use super::PostgresServer;
use super::programs::Owner;
use crate::port;
use crate::process::Process;

const PACKAGE: &str = "pgbouncer";
/// The line that it prints once it takes connections.
const READY: &str = "process up";
/// How long it may take to start. Generous: it ends a test that hangs, and decides nothing else.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a start is tried when somebody takes the port first.
const STARTS_MAX: usize = 5;

/// A pooler on loopback in transaction mode: whoever begins a transaction gets one of a few sessions, and gives it back
/// when it ends. Dropped, it is killed and its directory removed; it dies too when this process does.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    _process: Process,
    // Behind the process: a directory is removed when nobody writes into it any more.
    _directory: TempDir,
}

impl PgBouncer {
    /// Starts one with so many sessions for each database of this server, which asks for no password.
    pub fn start(server: &PostgresServer, sessions: u16) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("aftercommit-pgbouncer-")
            .tempdir()
            .context("cannot make a directory for pgbouncer")?;
        let owner = Owner::find(directory.path())?;
        if let Some(owner) = owner {
            owner.give(directory.path())?;
        }
        let file = directory.path().join("pgbouncer.ini");
        let mut tried = 0;
        loop {
            tried += 1;
            let port = port::probably_free()?;
            std::fs::write(&file, text(server.addr(), port, sessions, directory.path()))
                .with_context(|| format!("cannot write {}", file.display()))?;
            let started = Process::start_as(
                owner,
                "pgbouncer",
                &[&file.display().to_string()],
                PACKAGE,
                READY,
                PATIENCE,
            );
            match started {
                Ok(process) => return Ok(Self { port, _process: process, _directory: directory }),
                Err(error) if is_port_taken(&error) && tried < STARTS_MAX => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// `postgresql://postgres@127.0.0.1:PORT/NAME`: a database of the server, through the pooler.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://postgres@{}/{database}", self.addr())
    }
}

/// The text of the configuration file.
fn text(server: SocketAddr, port: u16, sessions: u16, directory: &Path) -> String {
    let (host, server_port) = (server.ip(), server.port());
    let mut text = format!("[databases]\n* = host={host} port={server_port} user=postgres\n[pgbouncer]\n");
    let mut line = |name: &str, value: &str| {
        writeln!(text, "{name} = {value}").expect("a string takes all text");
    };
    line("listen_addr", "127.0.0.1");
    line("listen_port", &port.to_string());
    line("unix_socket_dir", "");
    line("pidfile", &directory.join("pid").display().to_string());
    line("auth_type", "any");
    line("pool_mode", "transaction");
    line("default_pool_size", &sessions.to_string());
    line("max_client_conn", "500");
    // A few drivers send it unasked; all else that is for a session is refused, as in production.
    line("ignore_startup_parameters", "extra_float_digits");
    text
}

fn is_port_taken(error: &anyhow::Error) -> bool {
    error.to_string().contains("ddress already in use")
}
