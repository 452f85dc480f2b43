//! The workspace as cargo describes it: its root, its members and everything they resolve to.

use anyhow::Context as _;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand, Package};

/// What `cargo metadata` says about a workspace.
pub(crate) struct Workspace {
    /// The unchanged answer of `cargo metadata`, dependencies included.
    pub(crate) metadata: Metadata,
}

impl Workspace {
    /// Asks cargo about the workspace around a directory.
    pub(crate) fn around(directory: &Utf8Path) -> anyhow::Result<Self> {
        let metadata = MetadataCommand::new().current_dir(directory).exec();
        Ok(Self { metadata: metadata.context("cannot read the workspace with `cargo metadata`")? })
    }

    /// The directory of the workspace's own `Cargo.toml`.
    pub(crate) fn root(&self) -> &Utf8Path {
        &self.metadata.workspace_root
    }

    /// Where tools are installed that only this project's commands use.
    pub(crate) fn tools(&self) -> Utf8PathBuf {
        self.metadata.target_directory.join("tools")
    }

    /// The workspace's own packages, by name.
    pub(crate) fn members(&self) -> Vec<&Package> {
        let mut members = self.metadata.workspace_packages();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        members
    }

    /// The directory of a member, relative to the root.
    pub(crate) fn directory_of(&self, package: &Package) -> Utf8PathBuf {
        let directory = package.manifest_path.parent().unwrap_or(self.root());
        directory.strip_prefix(self.root()).unwrap_or(directory).to_owned()
    }
}

/// A small workspace on disk, for tests of what is read out of `cargo metadata`.
#[cfg(test)]
pub(crate) mod on_disk {
    use super::*;

    /// A workspace that is deleted when dropped.
    pub(crate) struct OnDisk {
        /// The workspace as cargo sees it.
        pub(crate) workspace: Workspace,
        _directory: tempfile::TempDir,
    }

    /// Writes these files, `Cargo.toml` among them, and asks cargo about them.
    pub(crate) fn workspace(files: &[(&str, &str)]) -> OnDisk {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        OnDisk { workspace: Workspace::around(root).unwrap(), _directory: directory }
    }
}
