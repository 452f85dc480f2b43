//! A running `redis-server`, and what a test may do to it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use super::RedisServerBuilder;
use super::builder::{Ports, socket_in};
use crate::certificates::Certificates;
use crate::port;
use crate::process::Process;

const PACKAGE: &str = "redis-server";
/// The line that Redis prints once it has loaded its data and listens on its port or socket.
const READY: &str = "eady to accept connections";
/// How long Redis may take to start or to stop. Generous: it ends a test that hangs, and decides nothing else.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a start is tried when somebody takes the port first.
const STARTS_MAX: usize = 5;

/// A private Redis on loopback. Dropped, it is killed and its directory removed; it dies too when this process does.
///
/// The methods block for the few milliseconds that Redis takes.
#[derive(Debug)]
pub struct RedisServer {
    builder: RedisServerBuilder,
    ports: Ports,
    certificates: Option<Certificates>,
    /// `None` while it is stopped.
    process: Option<Process>,
    // Behind the process: a directory is removed when nobody writes into it any more.
    directory: TempDir,
}

impl RedisServer {
    /// Starts one as it is by default.
    pub fn start() -> anyhow::Result<Self> {
        Self::builder().start()
    }

    /// Says what it is to be like.
    pub fn builder() -> RedisServerBuilder {
        RedisServerBuilder::default()
    }

    pub(super) fn start_with(builder: RedisServerBuilder) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("aftercommit-redis-")
            .tempdir()
            .context("cannot make a directory for Redis")?;
        let certificates = builder.has_tls.then(|| Certificates::make(directory.path())).transpose()?;
        let mut tried = 0;
        loop {
            tried += 1;
            let ports = choose_ports(&builder)?;
            write_file(&builder, directory.path(), ports, certificates.as_ref())?;
            match launch(directory.path()) {
                Ok(process) => {
                    return Ok(Self { builder, ports, certificates, process: Some(process), directory });
                }
                Err(error) if is_port_taken(&error) && tried < STARTS_MAX => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The address without TLS.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.plain).into()
    }

    /// `redis://127.0.0.1:PORT`, with the password of [`RedisServerBuilder::password`] if there is one.
    pub fn url(&self) -> String {
        match &self.builder.password {
            Some(password) => format!("redis://:{password}@{}", self.addr()),
            None => format!("redis://{}", self.addr()),
        }
    }

    /// The address with TLS. Panics without [`RedisServerBuilder::tls`].
    pub fn tls_addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.tls.expect("the server was started with TLS")).into()
    }

    /// The file of the authority that vouches for the server, in PEM. Panics without [`RedisServerBuilder::tls`].
    pub fn authority(&self) -> &Path {
        &self.certificates.as_ref().expect("the server was started with TLS").authority
    }

    /// The unix socket. Panics without [`RedisServerBuilder::unix_socket`].
    pub fn socket(&self) -> PathBuf {
        assert!(self.builder.has_socket, "the server was started with a unix socket");
        socket_in(self.directory.path())
    }

    /// The directory with its configuration and its data.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends it as a service manager would (SIGTERM), and waits for that.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.process.take().context("the server is not running")?.stop(PATIENCE)
    }

    /// Ends it without warning (SIGKILL).
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.take().context("the server is not running")?.kill();
        Ok(())
    }

    /// Starts it again on the same ports, with what its directory kept.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "the server is still running");
        self.process = Some(launch(self.directory.path())?);
        Ok(())
    }

    /// Freezes it (SIGSTOP): connections stay, answers do not come.
    pub fn pause(&self) {
        self.running().signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.running().signal(Signal::CONT);
    }

    /// Runs a command with `redis-cli`, past the code under test, and returns what it prints. An answer that is an
    /// error is one.
    pub fn command(&self, words: &[&str]) -> anyhow::Result<String> {
        let mut cli = Command::new("redis-cli");
        cli.args(["-e", "-p", &self.ports.plain.to_string()]).args(words);
        if let Some(password) = &self.builder.password {
            cli.env("REDISCLI_AUTH", password);
        }
        let output = match cli.output() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                bail!("redis-cli is not installed; apt-get install redis-tools")
            }
            output => output.context("cannot start redis-cli")?,
        };
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        ensure!(
            output.status.success(),
            "redis-cli {} failed: {}{}",
            words.join(" "),
            said(&output.stdout),
            said(&output.stderr)
        );
        Ok(said(&output.stdout))
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("the server is running")
    }
}

fn choose_ports(builder: &RedisServerBuilder) -> anyhow::Result<Ports> {
    let plain = port::probably_free()?;
    let tls = builder.has_tls.then(port::probably_free).transpose()?;
    Ok(Ports { plain, tls })
}

fn file_in(directory: &Path) -> PathBuf {
    directory.join("redis.conf")
}

fn write_file(
    builder: &RedisServerBuilder,
    directory: &Path,
    ports: Ports,
    certificates: Option<&Certificates>,
) -> anyhow::Result<()> {
    let path = file_in(directory);
    let text = builder.file(directory, ports, certificates);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn launch(directory: &Path) -> anyhow::Result<Process> {
    let file = file_in(directory).display().to_string();
    Process::start("redis-server", &[&file], PACKAGE, READY, PATIENCE)
}

fn is_port_taken(error: &anyhow::Error) -> bool {
    error.to_string().contains("Address already in use")
}
