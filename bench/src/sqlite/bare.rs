//! The bare loop: the same table reduced to what a queue cannot do without, one connection, one thread,
//! and no engine around it.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use rusqlite::{Connection, params};

const SCHEMA: &str = "
    CREATE TABLE task (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payload BLOB NOT NULL,
        state INTEGER NOT NULL, lease INTEGER
    );
    CREATE INDEX task_pending ON task (seq) WHERE state = 0;";

pub(crate) fn open(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// Inserts `count` tasks, `batch` to a transaction; returns tasks per second.
pub(crate) fn insert(connection: &mut Connection, count: usize, batch: usize, payload: &[u8]) -> Result<f64> {
    let started = Instant::now();
    for first in (0..count).step_by(batch) {
        let tx = connection.transaction()?;
        {
            let mut insert = tx.prepare_cached("INSERT INTO task (id, payload, state) VALUES (?, ?, 0)")?;
            for at in first..(first + batch).min(count) {
                insert.execute(params![format!("01a1f7b3-61ea-7765-b39b-{at:012}"), payload])?;
            }
        }
        tx.commit()?;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

/// Takes and finishes everything, `batch` at a time with one commit for each of the two; returns tasks per second.
pub(crate) fn drain(connection: &mut Connection, count: usize, batch: usize) -> Result<f64> {
    let started = Instant::now();
    let mut left = count;
    while left > 0 {
        let mut taken: Vec<i64> = Vec::with_capacity(batch);
        let tx = connection.transaction()?;
        {
            let mut take = tx.prepare_cached(
                "UPDATE task SET state = 1, lease = 1 WHERE seq IN \
                 (SELECT seq FROM task WHERE state = 0 ORDER BY seq LIMIT ?) RETURNING seq, id, payload",
            )?;
            let mut rows = take.query([i64::try_from(batch)?])?;
            while let Some(row) = rows.next()? {
                taken.push(row.get(0)?);
                std::hint::black_box((row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?));
            }
        }
        tx.commit()?;
        let tx = connection.transaction()?;
        {
            let mut finish = tx.prepare_cached("DELETE FROM task WHERE seq = ? AND state = 1")?;
            for seq in &taken {
                finish.execute([seq])?;
            }
        }
        tx.commit()?;
        left -= taken.len();
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}
