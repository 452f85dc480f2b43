//! A real mail server on loopback, which works, hangs or refuses as it is told.

use crate::program::Program;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A mail server with a directory for what it takes.
pub(crate) struct MailServer {
    home: TempDir,
    program: Program,
    pub(crate) port: u16,
}

/// A mail server that is down, and what it took before.
pub(crate) struct Down {
    home: TempDir,
    port: u16,
}

impl MailServer {
    pub(crate) fn start(options: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (program, port) = run(home.path(), 0, options);
        Self { home, program, port }
    }

    /// Kills the server.
    pub(crate) fn stop(self) -> Down {
        let Self { home, program, port } = self;
        drop(program);
        Down { home, port }
    }

    /// What it has taken, in order.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let entries = std::fs::read_dir(self.home.path()).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
        paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }
}

impl Down {
    /// Starts the server again, at the same port.
    pub(crate) fn start(self, options: &[&str]) -> MailServer {
        let Self { home, port } = self;
        let (program, port) = run(home.path(), port, options);
        MailServer { home, program, port }
    }
}

fn run(home: &Path, port: u16, options: &[&str]) -> (Program, u16) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp/server.py");
    let mut command = Command::new("/usr/bin/python3");
    command
        .args(["-W", "ignore", script])
        .arg("--directory")
        .arg(home)
        .args(["--port", &port.to_string()])
        .args(options);
    let mut program = Program::start(&mut command);
    let line = program.line();
    let port = line.strip_prefix("ready ").unwrap().parse().unwrap();
    (program, port)
}
