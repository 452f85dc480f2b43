//! `cargo xtask tidy`: the house style, as far as a machine can check it.
//!
//! `rust` looks at the shape of Rust files, `text` at every file a person reads, `links` at Markdown, `manifests` and
//! `usage` at what the crates declare. Each rule is a small function from a file to findings.

mod links;
mod manifests;
mod rust;
mod text;
mod usage;

use anyhow::Context as _;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};

use crate::files;
use crate::finding::{self, Finding, Verdict};
use crate::source::Source;
use crate::workspace::Workspace;

/// Places of files that are kept exactly as somebody else published them.
const VENDORED: &[&str] = &["google/api/", "google/rpc/", "google/protobuf/"];

/// Checks every file of the workspace and prints what is wrong.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<Verdict> {
    let root = workspace.root();
    let paths = files::walk(root)?;
    let mut findings = Vec::new();
    let mut sources = Vec::new();
    for path in paths.iter().filter(|path| !is_vendored(path) && text::is_read_by_people(path)) {
        let text = files::read_text(root, path)?.with_context(|| format!("{path} is not UTF-8"))?;
        findings.extend(text::check(path, &text));
        match path.extension() {
            Some("rs") => sources.push(Source::parse(path, text)?),
            Some("md") => findings.extend(links::check(root, path, &text)?),
            _ => {}
        }
    }
    findings.extend(sources.iter().flat_map(rust::check));
    findings.extend(manifests::check(workspace)?);
    findings.extend(usage::check(workspace, &sources));
    findings.extend(changelog(root)?);
    Ok(finding::report("tidy", &format!("{} files", paths.len()), findings))
}

fn is_vendored(path: &Utf8PathBuf) -> bool {
    VENDORED.iter().any(|place| path.as_str().contains(place))
}

fn changelog(root: &Utf8Path) -> anyhow::Result<Option<Finding>> {
    let path = Utf8Path::new("CHANGELOG.md");
    if !root.join(path).exists() {
        return Ok(Some(Finding::error(
            path.as_str(),
            "missing",
            "write down what users notice of each change",
        )));
    }
    let text = files::read_text(root, path)?.unwrap_or_default();
    let has_section = text.lines().any(|line| matches!(line.trim_end(), "## Unreleased" | "## [Unreleased]"));
    let problem =
        || Finding::error(path.as_str(), "no section `## Unreleased`", "open one above the last release");
    Ok((!has_section).then(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changelog_of(text: &str) -> Option<Finding> {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::write(root.join("CHANGELOG.md"), text).unwrap();
        changelog(root).unwrap()
    }

    #[test]
    fn a_changelog_has_room_for_the_next_change() {
        assert_eq!(changelog_of("# Changelog\n\n## Unreleased\n"), None);
        assert_eq!(changelog_of("# Changelog\n\n## [Unreleased]\n"), None);
        assert!(changelog_of("# Changelog\n\n## 1.0.0\n\nUnreleased no more.\n").is_some());
    }

    #[test]
    fn a_missing_changelog_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        assert!(changelog(root).unwrap().is_some());
    }

    #[test]
    fn published_protos_of_others_are_left_as_they_are() {
        assert!(is_vendored(&"proto/google/api/http.proto".into()));
        assert!(!is_vendored(&"proto/service_simple_bank.proto".into()));
    }
}
