//! Where Postgres' programs are, and as whom they run: they refuse root.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Debian keeps the programs of each version apart, and puts few of them on the path.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Who a server runs as when root starts it, the first that exists.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A program of Postgres: of the newest version that Debian has here, else what the path has.
pub(super) fn program(name: &str) -> String {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let path = entry.path().join("bin").join(name);
            let version = entry.file_name().to_str()?.parse().ok()?;
            path.exists().then_some((version, path))
        })
        .collect();
    versions.sort_unstable();
    versions.pop().map_or_else(|| name.to_owned(), |(_, path)| path.display().to_string())
}

/// The user that a server runs as, if it may not run as the one who starts it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    /// Whom a server has to run as in a directory of ours: `None` for ourselves.
    pub(super) fn find(directory: &Path) -> anyhow::Result<Option<Self>> {
        let ours = directory.metadata().with_context(|| format!("cannot look at {}", directory.display()))?;
        if ours.uid() != 0 {
            return Ok(None);
        }
        let number = |user, flag| -> Option<u32> {
            let output = Command::new("id").args([flag, user]).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        let found = USERS.into_iter().find_map(|user| Some((number(user, "-u")?, number(user, "-g")?)));
        let (uid, gid) = found.context("Postgres does not run as root, and there is no other user here")?;
        ensure!(uid != 0, "Postgres does not run as root");
        Ok(Some(Self { uid, gid }))
    }

    /// Makes a file or a directory this user's.
    pub(super) fn give(self, path: &Path) -> anyhow::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("cannot give {} away", path.display()))
    }

    /// What has to stand before a command so that it runs as this user.
    pub(crate) fn privileges(self) -> [String; 3] {
        [format!("--reuid={}", self.uid), format!("--regid={}", self.gid), "--clear-groups".to_owned()]
    }
}
