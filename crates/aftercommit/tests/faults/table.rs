//! The table of faults: one row for each test, written to a file below `target`, and shown when the last test
//! that runs has ended.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use crate::audit::Verdict;
use crate::store::NAME;

static ROWS: Mutex<Table> = Mutex::new(Table { rows: Vec::new(), running: 0 });

#[derive(Debug)]
struct Table {
    rows: Vec<String>,
    running: usize,
}

/// A test that runs. The table is shown when none does.
#[derive(Debug)]
pub(crate) struct Running;

impl Running {
    pub(crate) fn begin() -> Self {
        table().running += 1;
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut table = table();
        table.running -= 1;
        if table.running == 0 {
            println!("{}", table.text());
        }
    }
}

/// Adds a row.
pub(crate) fn add(fault: &str, verdict: &Verdict, recovery: Option<Duration>) {
    let recovery = recovery.map_or_else(|| "-".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()));
    let row = format!(
        "{fault:<58} {:>6} {:>5} {:>10} {:>12} {recovery:>9}",
        verdict.tasks,
        verdict.lost.len(),
        verdict.explained,
        verdict.unexplained.len(),
    );
    let mut table = table();
    table.rows.push(row);
    table.rows.sort();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..").join(format!("{NAME}-faults.txt"));
    std::fs::write(path, table.text()).unwrap();
}

impl Table {
    fn text(&self) -> String {
        let head = format!(
            "{:<58} {:>6} {:>5} {:>10} {:>12} {:>9}",
            "fault", "tasks", "lost", "explained", "unexplained", "recovery"
        );
        let mut text = format!("{head}\n{}\n", "-".repeat(head.len()));
        for row in &self.rows {
            text += row;
            text += "\n";
        }
        text
    }
}

fn table() -> std::sync::MutexGuard<'static, Table> {
    ROWS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
