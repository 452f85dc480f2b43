//! Rules about what the crates' manifests declare.

use std::collections::BTreeSet;

use anyhow::Context as _;
use cargo_metadata::camino::Utf8Path;
use toml::Table;

use crate::finding::Finding;
use crate::workspace::Workspace;

/// The tables of a manifest that list dependencies.
const LISTS: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// Judges the workspace's manifest and every member's.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for package in workspace.members() {
        let path = workspace.directory_of(package).join("Cargo.toml");
        let manifest = read(workspace.root(), &path)?;
        if package.description.as_deref().is_none_or(str::is_empty) {
            findings.push(Finding::error(
                path.as_str(),
                "no description",
                "say in one line what the crate is for",
            ));
        }
        for (name, dependency) in dependencies(&manifest) {
            if !is_inherited(dependency) {
                let problem = format!("{name} does not come from [workspace.dependencies]");
                findings.push(Finding::error(
                    path.as_str(),
                    problem,
                    "declare it there and write `workspace = true`",
                ));
            }
            used.insert(name.to_owned());
        }
    }
    findings.extend(unused_entries(&read(workspace.root(), Utf8Path::new("Cargo.toml"))?, &used));
    Ok(findings)
}

fn read(root: &Utf8Path, path: &Utf8Path) -> anyhow::Result<Table> {
    let text = std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
    text.parse().with_context(|| format!("{path} is not TOML"))
}

/// Every dependency that a member's manifest lists, those of single platforms included.
fn dependencies(manifest: &Table) -> Vec<(&str, &toml::Value)> {
    let platforms = manifest.get("target").and_then(toml::Value::as_table);
    let platforms = platforms.into_iter().flat_map(|table| table.values().filter_map(toml::Value::as_table));
    let tables = std::iter::once(manifest).chain(platforms);
    tables
        .flat_map(|table| LISTS.iter().filter_map(|list| table.get(*list)?.as_table()))
        .flatten()
        .map(|(name, dependency)| (name.as_str(), dependency))
        .collect()
}

fn is_inherited(dependency: &toml::Value) -> bool {
    dependency.get("workspace").and_then(toml::Value::as_bool) == Some(true)
}

fn unused_entries(manifest: &Table, used: &BTreeSet<String>) -> Vec<Finding> {
    let entries = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies")?.as_table());
    let unused = entries.into_iter().flat_map(Table::keys).filter(|name| !used.contains(*name));
    unused
        .map(|name| {
            let problem = format!("[workspace.dependencies] lists {name}, which no crate uses");
            Finding::error("Cargo.toml", problem, "remove the line; it comes back with its first use")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn dependencies_of_every_kind_and_platform_are_seen() {
        let manifest = table(
            "[dependencies]\na.workspace = true\n[dev-dependencies]\nb = \"1\"\n\
             [target.'cfg(unix)'.build-dependencies]\nc = { workspace = true, features = [\"x\"] }\n",
        );
        let mut seen: Vec<_> =
            dependencies(&manifest).into_iter().map(|(name, value)| (name, is_inherited(value))).collect();
        seen.sort();
        assert_eq!(seen, [("a", true), ("b", false), ("c", true)]);
    }

    #[test]
    fn an_entry_that_no_crate_uses_is_found() {
        let manifest = table("[workspace.dependencies]\na = \"1\"\nb = \"1\"\n");
        let findings = unused_entries(&manifest, &BTreeSet::from(["a".to_owned()]));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().contains("lists b, which no crate uses"));
    }
}
