//! Sign-ups per second through the bank's HTTP gateway, with the verification mails going out beside
//! them, and beside the bare cost of a sign-up.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;

use crate::bank::{Bank, Hash};
use crate::row::Row;

/// How many clients sign up at the same time: as many as one writer can commit for.
const CLIENTS: usize = 16;

pub(crate) async fn sign_ups(binary: &Path, runs: usize, time: Duration, hash: Hash) -> Result<Vec<Row>> {
    let (name, limit) = match hash {
        Hash::Cheap => {
            ("create_user, cheap hash", "one writer: four commits of user, mail and task; HTTP and JSON")
        }
        Hash::Real => ("create_user, real hash", "Argon2id with 19 MiB on two cores"),
    };
    let bank = Bank { binary, hash, database: None };
    let mut row = Row::new(name, "requests/s", limit);
    for _ in 0..runs {
        let bare = tokio::task::spawn_blocking(move || bare(time, hash)).await??;
        row.add(bank.sign_ups(CLIENTS, time).await?, bare);
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
