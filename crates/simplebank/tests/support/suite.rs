//! Whether a suite of tests that needs something from outside can run here.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// True if a suite that needs something from outside can run. If not, says so on one line that the test harness
/// does not swallow: what is skipped, why, and which package would help. With `CI=true` that is a failure.
///
/// `AFTERCOMMIT_SUITES`, where it is set, names the suites that may run, separated by commas.
pub(crate) fn suite(name: &str, package: &str, is_there: impl FnOnce() -> bool) -> bool {
    let chosen = variable("AFTERCOMMIT_SUITES");
    let why = match chosen {
        Some(chosen) if !chosen.split(',').any(|suite| suite.trim() == name) => {
            "not named in AFTERCOMMIT_SUITES".to_owned()
        }
        _ if !is_there() => format!("{package} is not installed; apt-get install {package}"),
        _ => return true,
    };
    let line = format!("skipped: {name} ({why})");
    assert_ne!(variable("CI").as_deref(), Some("true"), "{line}");
    say_once(line);
    false
}

/// Printed past the capture of test output, and once for all tests of the suite.
fn say_once(line: String) {
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.contains(&line) {
        io::stderr().write_all(format!("{line}\n").as_bytes()).expect("standard error can be written to");
        said.push(line);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has no other way to learn how it is run")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// True if the system's Python has a module. Debian's packages are for this Python and no other.
pub(crate) fn python_has(module: &str) -> bool {
    let import = ["-c", &format!("import {module}")];
    let mut python = Command::new("/usr/bin/python3");
    python
        .args(import)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
