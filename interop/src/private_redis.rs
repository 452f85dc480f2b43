//! A private redis-server for these tests.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long redis-server may take to answer. Generous: it ends a test that hangs, and decides nothing else.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A private redis-server on loopback, gone when this is dropped.
#[derive(Debug)]
pub struct PrivateRedis {
    addr: SocketAddr,
    _server: Child,
    _directory: TempDir,
}

impl PrivateRedis {
    /// Starts one that keeps nothing.
    pub async fn start() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a directory for Redis")?;
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr())?.port();
        let server = Command::new("redis-server")
            .args([
                "--bind",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
            ])
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start redis-server; is it installed?")?;
        let redis = Self { addr: (Ipv4Addr::LOCALHOST, port).into(), _server: server, _directory: directory };
        redis.answers().await?;
        Ok(redis)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    async fn answers(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.ping().await.is_ok_and(|pong| pong.starts_with(b"+PONG")) {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        bail!("redis-server did not answer within {PATIENCE:?}")
    }

    async fn ping(&self) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.addr).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut pong = vec![0; 7];
        stream.read_exact(&mut pong).await?;
        Ok(pong)
    }
}
