//! The project's own files: a walk over the tree that leaves out what is built, hidden or downloaded.

use anyhow::Context as _;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};

/// Directories that hold nothing written by hand.
const NOT_OURS: &[&str] = &["target", "node_modules", "vendor"];

/// Hidden directories that do hold files of ours; every other one is left out.
const HIDDEN_BUT_OURS: &[&str] = &[".cargo", ".ci", ".github"];

/// Every file below `root`, as sorted paths relative to it.
pub(crate) fn walk(root: &Utf8Path) -> anyhow::Result<Vec<Utf8PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = directory.read_dir_utf8().with_context(|| format!("cannot list {directory}"))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {directory}"))?;
            let kind = entry.file_type().with_context(|| format!("cannot look at {}", entry.path()))?;
            if kind.is_dir() && is_ours(entry.file_name()) {
                open.push(entry.into_path());
            } else if kind.is_file() {
                let path = entry.path();
                found.push(path.strip_prefix(root).unwrap_or(path).to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The text of a file, or `None` when it is not text.
pub(crate) fn read_text(root: &Utf8Path, path: &Utf8Path) -> anyhow::Result<Option<String>> {
    let bytes = std::fs::read(root.join(path)).with_context(|| format!("cannot read {path}"))?;
    Ok(String::from_utf8(bytes).ok())
}

fn is_ours(directory: &str) -> bool {
    if directory.starts_with('.') {
        HIDDEN_BUT_OURS.contains(&directory)
    } else {
        !NOT_OURS.contains(&directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walk_leaves_out_built_and_hidden_directories() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        for path in ["src/lib.rs", "target/debug/x.rs", ".git/config", ".ci/run", "b.md"] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "text").unwrap();
        }

        assert_eq!(walk(root).unwrap(), [".ci/run", "b.md", "src/lib.rs"]);
    }
}
