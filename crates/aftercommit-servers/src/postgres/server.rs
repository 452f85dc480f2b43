//! A running `postgres`, and what a test may do to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use super::PostgresServerBuilder;
use super::programs::{Owner, program};
use crate::certificates::Certificates;
use crate::port;
use crate::process::Process;

const PACKAGE: &str = "postgresql";
/// The line that Postgres prints once it takes connections.
const READY: &str = "database system is ready to accept connections";
/// How long Postgres may take to start or to stop. Generous: it ends a test that hangs, and decides nothing else.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a start is tried when somebody takes the port first.
const STARTS_MAX: usize = 5;
/// How long to wait until what is left of a killed server is gone.
const RETRY: Duration = Duration::from_millis(20);

/// How a server is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Waits until everybody has gone (SIGTERM).
    Smart,
    /// Rolls back what is open and closes every connection (SIGINT), as a restart by a service manager does.
    Fast,
    /// Ends without writing anything down (SIGQUIT): the next start recovers from the log.
    Immediate,
}

/// A private Postgres on loopback. Dropped, it is killed and its directory removed; it dies too when this process does.
///
/// The methods block for as long as Postgres takes.
#[derive(Debug)]
pub struct PostgresServer {
    builder: PostgresServerBuilder,
    port: u16,
    certificates: Option<Certificates>,
    owner: Option<Owner>,
    databases: AtomicUsize,
    /// `None` while it is stopped.
    process: Option<Process>,
    // Behind the process: a directory is removed when nobody writes into it any more.
    directory: TempDir,
}

impl PostgresServer {
    /// Starts one as it is by default.
    pub fn start() -> anyhow::Result<Self> {
        Self::builder().start()
    }

    /// Says what it is to be like.
    pub fn builder() -> PostgresServerBuilder {
        PostgresServerBuilder::default()
    }

    /// One that all who ask for it at the same time share, as it is by default; it ends with the last of them. Each
    /// makes itself a [`database`](Self::database).
    pub fn shared() -> anyhow::Result<Arc<Self>> {
        static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Ok(server);
        }
        let server = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&server);
        Ok(server)
    }

    pub(super) fn start_with(builder: PostgresServerBuilder) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("aftercommit-postgres-")
            .tempdir()
            .context("cannot make a directory for Postgres")?;
        let owner = Owner::find(directory.path())?;
        let certificates = builder.has_tls.then(|| Certificates::make(directory.path())).transpose()?;
        if let Some(owner) = owner {
            owner.give(directory.path())?;
            if let Some(certificates) = &certificates {
                owner.give(&certificates.key)?;
            }
        }
        if let Some(certificates) = &certificates {
            protect(&certificates.key)?;
        }
        initialise(&builder, directory.path(), owner)?;
        let mut tried = 0;
        loop {
            tried += 1;
            let port = port::probably_free()?;
            let file = directory.path().join("data/postgresql.conf");
            let text = builder.file(directory.path(), port, certificates.as_ref());
            std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
            match launch(directory.path(), owner) {
                Ok(process) => {
                    let (databases, process) = (AtomicUsize::new(0), Some(process));
                    return Ok(Self { builder, port, certificates, owner, databases, process, directory });
                }
                Err(error) if is_port_taken(&error) && tried < STARTS_MAX => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// `postgresql://postgres@127.0.0.1:PORT/NAME`, with the password of [`PostgresServerBuilder::password`] if there
    /// is one.
    pub fn url(&self, database: &str) -> String {
        let password =
            self.builder.password.as_ref().map(|password| format!(":{password}")).unwrap_or_default();
        format!("postgresql://postgres{password}@{}/{database}", self.addr())
    }

    /// Makes a new, empty database and returns its name.
    pub fn database(&self) -> anyhow::Result<String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(name)
    }

    /// Makes a new, empty database and returns its [`url`](Self::url).
    pub fn database_url(&self) -> anyhow::Result<String> {
        Ok(self.url(&self.database()?))
    }

    /// The file of the authority that vouches for the server, in PEM. Panics without [`PostgresServerBuilder::tls`].
    pub fn authority(&self) -> &Path {
        &self.certificates.as_ref().expect("the server was started with TLS").authority
    }

    /// The directory with its unix socket, and in `data` with everything else.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Tells it to end, and waits for that.
    pub fn stop(&mut self, how: Shutdown) -> anyhow::Result<()> {
        let signal = match how {
            Shutdown::Smart => Signal::TERM,
            Shutdown::Fast => Signal::INT,
            Shutdown::Immediate => Signal::QUIT,
        };
        self.process.take().context("the server is not running")?.stop_with(signal, PATIENCE)
    }

    /// Ends it without warning (SIGKILL). Its own children find out by themselves, a moment later.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.take().context("the server is not running")?.kill();
        Ok(())
    }

    /// Freezes it and all its sessions (SIGSTOP): connections stay, answers do not come.
    pub fn pause(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal_all(Signal::CONT);
    }

    /// First the server itself, so that it makes no new session meanwhile.
    fn signal_all(&self, signal: Signal) {
        let process = self.process.as_ref().expect("the server is running");
        process.signal(signal);
        process.signal_children(signal);
    }

    /// Starts it again on the same port, with what its directory kept.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "the server is still running");
        let started = Instant::now();
        let process = loop {
            match launch(self.directory.path(), self.owner) {
                // The children of a server that was killed are still on their way out, which nobody tells.
                Err(error) if is_still_there(&error) && started.elapsed() < PATIENCE => pause(),
                launched => break launched?,
            }
        };
        self.process = Some(process);
        Ok(())
    }

    /// Closes every connection from the side of the server, as an administrator may, and says how many there were.
    pub fn terminate_backends(&self) -> anyhow::Result<usize> {
        let killed = self.psql(
            "postgres",
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
              WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
        )?;
        killed.parse().context("psql counts the connections it closed")
    }

    /// Runs SQL with `psql`, past the code under test, and returns what it prints: a line a row, the columns parted by
    /// `|`. A statement that fails is an error.
    pub fn psql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        self.psql_at(&self.url(database), sql)
    }

    /// The same by another way to the server, such as a pooler.
    pub fn psql_at(&self, url: &str, sql: &str) -> anyhow::Result<String> {
        let mut psql = Command::new(program("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]);
        let output = psql.stdin(Stdio::null()).output().context("cannot start psql")?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        ensure!(output.status.success(), "psql failed: {}", said(&output.stderr));
        Ok(said(&output.stdout))
    }
}

#[expect(clippy::disallowed_methods, reason = "every method of a server blocks, and says so")]
fn pause() {
    std::thread::sleep(RETRY);
}

/// A key that others may read is refused.
fn protect(key: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot protect {}", key.display()))
}

/// Makes the data directory.
fn initialise(builder: &PostgresServerBuilder, directory: &Path, owner: Option<Owner>) -> anyhow::Result<()> {
    let data = data_in(directory).display().to_string();
    let mut args = vec!["-D", &data, "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync"];
    let file = directory.join("password").display().to_string();
    if let Some(password) = &builder.password {
        std::fs::write(&file, password).with_context(|| format!("cannot write {file}"))?;
        if let Some(owner) = owner {
            owner.give(Path::new(&file))?;
        }
        args.extend(["--auth=scram-sha-256", "--pwfile", &file]);
    } else {
        args.push("--auth=trust");
    }
    let mut command = match owner {
        Some(owner) => {
            let mut command = Command::new("setpriv");
            command.args(owner.privileges()).arg("--").arg(program("initdb"));
            command
        }
        None => Command::new(program("initdb")),
    };
    let output = command.args(args).stdin(Stdio::null()).current_dir(directory).output();
    let output = output.with_context(|| format!("cannot start initdb; apt-get install {PACKAGE}"))?;
    if !output.status.success() {
        bail!("initdb failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn data_in(directory: &Path) -> PathBuf {
    directory.join("data")
}

fn launch(directory: &Path, owner: Option<Owner>) -> anyhow::Result<Process> {
    let data = data_in(directory).display().to_string();
    Process::start_as(owner, &program("postgres"), &["-D", &data], PACKAGE, READY, PATIENCE)
}

fn is_port_taken(error: &anyhow::Error) -> bool {
    error.to_string().contains("Address already in use")
}

fn is_still_there(error: &anyhow::Error) -> bool {
    let text = error.to_string();
    text.contains("pre-existing shared memory block") || text.contains("lock file \"postmaster.pid\"")
}
