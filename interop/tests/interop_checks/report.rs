//! The table of what was checked.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

static TABLE: LazyLock<Mutex<File>> = LazyLock::new(|| {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/interop-report.txt");
    Mutex::new(File::create(path).expect("the build has made its directory"))
});

/// Says that a check has come to its end; a check that fails does not.
pub(crate) fn passed(check: &str, direction: &str, cases: usize, result: &str) {
    let line = format!("interop | {check} | {direction} | {cases} | {result}\n");
    print!("{line}");
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    table.write_all(line.as_bytes()).expect("the table can be written");
}
