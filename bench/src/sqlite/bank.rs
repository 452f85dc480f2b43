//! Sign-ups per second through the bank's HTTP gateway, with the verification mails going out beside
//! them, and beside the bare cost of a sign-up.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use argon2::{Algorithm, Argon2, Params, Version};
use rusqlite::Connection;
use tokio::process::{Child, Command};

use crate::report::Row;

/// How many clients sign up at the same time: as many as one writer can commit for.
const CLIENTS: usize = 16;

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

    fn argon2(self) -> Result<Argon2<'static>> {
        let (memory, passes) = match self {
            Self::Cheap => (8, 1),
            Self::Real => (19_456, 2),
        };
        let params = Params::new(memory, passes, 1, None).map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

pub(crate) async fn sign_ups(binary: &Path, runs: usize, time: Duration, hash: Hash) -> Result<Vec<Row>> {
    let (name, limit) = match hash {
        Hash::Cheap => {
            ("create_user, cheap hash", "one writer: four commits of user, mail and task; HTTP and JSON")
        }
        Hash::Real => ("create_user, real hash", "Argon2id with 19 MiB on two cores"),
    };
    let mut row = Row::new(name, "requests/s", limit);
    for run in 0..runs {
        let bare = tokio::task::spawn_blocking(move || bare(time, hash)).await??;
        row.add(load(binary, run, time, hash).await?, bare);
    }
    Ok(vec![row])
}

/// The bare cost of a sign-up: the hash on every core, then two rows in one commit on one connection.
fn bare(time: Duration, hash: Hash) -> Result<f64> {
    let dir = tempfile::tempdir()?;
    let mut connection = Connection::open(dir.path().join("bare.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(
        "CREATE TABLE users (username TEXT PRIMARY KEY, hash BLOB, email TEXT UNIQUE);
         CREATE TABLE task (seq INTEGER PRIMARY KEY, payload TEXT);",
    )?;
    let cores = std::thread::available_parallelism()?.get();
    let (hashed, hashes) = std::sync::mpsc::sync_channel::<[u8; 32]>(cores * 4);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for core in 0..cores {
            let hashed = hashed.clone();
            let argon2 = hash.argon2()?;
            scope.spawn(move || {
                let mut at = 0_u64;
                while started.elapsed() < time {
                    let mut output = [0; 32];
                    let salt = [core as u64, at].map(u64::to_le_bytes).concat();
                    if argon2.hash_password_into(b"secret123", &salt, &mut output).is_err()
                        || hashed.send(output).is_err()
                    {
                        return;
                    }
                    at += 1;
                }
            });
        }
        drop(hashed);
        let mut count = 0_u64;
        for output in hashes {
            let tx = connection.transaction()?;
            tx.execute(
                "INSERT INTO users VALUES (?, ?, ?)",
                (format!("u{count}"), output, format!("u{count}@e.com")),
            )?;
            tx.execute("INSERT INTO task (payload) VALUES (?)", [format!("{{\"username\":\"u{count}\"}}")])?;
            tx.commit()?;
            count += 1;
        }
        Ok(count as f64 / started.elapsed().as_secs_f64())
    })
}

/// The bank as a process of its own, in a directory of its own.
async fn start(binary: &Path, dir: &Path, hash: Hash) -> Result<(Child, u16)> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let child = Command::new(binary)
        .current_dir(dir)
        .env("HTTP_SERVER_ADDRESS", format!("127.0.0.1:{port}"))
        .env("GRPC_SERVER_ADDRESS", "127.0.0.1:0")
        .env("PASSWORD_HASH", hash.setting())
        .env("RATE_LIMITS", "off")
        .env("LOG_LEVEL", "error")
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))?;
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

async fn load(binary: &Path, run: usize, time: Duration, hash: Hash) -> Result<f64> {
    let dir = tempfile::tempdir()?;
    let (mut bank, port) = start(binary, dir.path(), hash).await?;
    let done = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let done = Arc::clone(&done);
            tokio::spawn(async move {
                let http = reqwest::Client::new();
                let mut at = 0;
                while started.elapsed() < time {
                    let name = format!("u{run}_{client}_{at}");
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
