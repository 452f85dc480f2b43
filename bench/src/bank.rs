//! The bank as a process of its own, and clients who sign up through its HTTP gateway.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::process::{Child, Command};

/// Which password hash the bank uses.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hash {
    /// m=8 KiB, t=1: for load tests, so that the rest shows.
    Cheap,
    /// m=19 MiB, t=2: what people get.
    Real,
}

impl Hash {
    const fn setting(self) -> &'static str {
        match self {
            Self::Cheap => "argon2id:m=8,t=1,p=1",
            Self::Real => "argon2id:m=19456,t=2,p=1",
        }
    }

    /// The same hash for a bare loop.
    pub(crate) fn argon2(self) -> Result<Argon2<'static>> {
        let (memory, passes) = match self {
            Self::Cheap => (8, 1),
            Self::Real => (19_456, 2),
        };
        let params = Params::new(memory, passes, 1, None).map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// A bank to be loaded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bank<'a> {
    pub(crate) binary: &'a Path,
    pub(crate) hash: Hash,
    /// Where its data is; `None` for a SQLite file in a directory of its own.
    pub(crate) database: Option<&'a str>,
}

impl Bank<'_> {
    /// Starts it in an empty directory, and waits until it serves.
    async fn start(&self, dir: &Path) -> Result<(Child, u16)> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(self.binary);
        if let Some(url) = self.database {
            command.env("DB_SOURCE", url);
        }
        let child = command
            .current_dir(dir)
            .env("HTTP_SERVER_ADDRESS", format!("127.0.0.1:{port}"))
            .env("GRPC_SERVER_ADDRESS", "127.0.0.1:0")
            .env("PASSWORD_HASH", self.hash.setting())
            .env("RATE_LIMITS", "off")
            .env("LOG_LEVEL", "error")
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        let client = reqwest::Client::new();
        for _ in 0..200 {
            if client
                .get(format!("http://127.0.0.1:{port}/readyz"))
                .send()
                .await
                .is_ok_and(|r| r.status().is_success())
            {
                return Ok((child, port));
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        bail!("the bank was not ready within 5 s")
    }

    /// Sign-ups a second, from so many clients at the same time.
    pub(crate) async fn sign_ups(&self, clients: usize, time: Duration) -> Result<f64> {
        let dir = tempfile::tempdir()?;
        let (mut bank, port) = self.start(dir.path()).await?;
        let done = Arc::new(AtomicUsize::new(0));
        let started = Instant::now();
        let clients: Vec<_> = (0..clients)
            .map(|client| {
                let done = Arc::clone(&done);
                tokio::spawn(async move {
                    let http = reqwest::Client::new();
                    let mut at = 0;
                    while started.elapsed() < time {
                        let name = format!("u{client}_{at}");
                        let body = serde_json::json!({
                            "username": name, "password": "secret123", "full_name": "Bench Mark", "email": format!("{name}@e.com"),
                        });
                        let url = format!("http://127.0.0.1:{port}/v1/create_user");
                        let response = http.post(url).json(&body).send().await?;
                        if !response.status().is_success() {
                            bail!("{}: {}", response.status(), response.text().await?);
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                        at += 1;
                    }
                    Ok(())
                })
            })
            .collect();
        for client in clients {
            client.await??;
        }
        let rate = done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
        bank.kill().await?;
        Ok(rate)
    }
}
