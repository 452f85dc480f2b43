//! Builds the Go programs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use tokio::sync::OnceCell;

/// A program in Go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Everything, on the newest asynq.
    Go,
    /// The inspector on asynq 0.25.1.
    Go025,
    /// asynqmon 0.7.2.
    Gomon,
    /// asynq's side of the benchmark.
    Bench,
}

impl Program {
    /// The program's path. It is built once in the life of this process; what did not change Go does not build again.
    ///
    /// # Errors
    /// Where Go is missing or does not compile it, with what it printed.
    pub async fn path(self) -> anyhow::Result<&'static Path> {
        static BUILT: [OnceCell<PathBuf>; 4] = [const { OnceCell::const_new() }; 4];
        let built = BUILT[self as usize].get_or_try_init(|| async move {
            tokio::task::spawn_blocking(move || self.build())
                .await
                .context("the build of a Go program panicked")?
        });
        Ok(built.await?)
    }

    /// The module's directory, relative to the workspace, and the name of what comes out.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Go => ("interop/go", "interop-go"),
            Self::Go025 => ("interop/go025", "interop-go025"),
            Self::Gomon => ("interop/gomon", "interop-gomon"),
            Self::Bench => ("bench/peers/asynq", "bench-asynq"),
        }
    }

    fn build(self) -> anyhow::Result<PathBuf> {
        let workspace =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate stands in no workspace")?;
        let (module, name) = self.place();
        let directory = workspace.join("target/go");
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let program = directory.join(name);
        // Several test programs may run at once: they build in turn, and what one starts another replaces in one step.
        let lock = File::create(directory.join(format!("{name}.lock"))).context("cannot make a lock file")?;
        lock.lock().context("cannot lock the directory of Go programs")?;
        let fresh = directory.join(format!("{name}.new"));
        let built = Command::new("go")
            .args(["build", "-trimpath", "-o"])
            .arg(&fresh)
            .arg(".")
            .current_dir(workspace.join(module))
            .stdin(Stdio::null())
            .output()
            .context("cannot start go; is it installed?")?;
        let said = String::from_utf8_lossy(&built.stderr);
        ensure!(built.status.success(), "go cannot build {module} ({}): {}", built.status, said.trim());
        std::fs::rename(&fresh, &program)
            .with_context(|| format!("cannot put {} in place", program.display()))?;
        Ok(program)
    }
}
