//! The workspace's crates with what they name and what they drag in: all that the rules need to know.

use std::collections::{BTreeSet, HashMap};

use anyhow::Context as _;
use cargo_metadata::{DependencyKind, Node, Package, PackageId};

use crate::workspace::Workspace;

/// The crates of the workspace.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) crates: Vec<Crate>,
}

/// One crate of the workspace.
#[derive(Debug, Default)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// What its manifest names.
    pub(crate) dependencies: Vec<Dependency>,
    /// The names of all that is compiled into it, directly or not; dev- and build-dependencies are left out.
    pub(crate) closure: BTreeSet<String>,
}

/// One line of a manifest.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) presence: Presence,
    pub(crate) defaults: Defaults,
    pub(crate) features: Vec<String>,
}

/// Which of the manifest's tables a dependency stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

/// Whether a dependency is there without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Always,
    Optional,
}

/// Whether a dependency's default features are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defaults {
    On,
    Off,
}

impl Graph {
    /// Reads the graph out of `cargo metadata`.
    pub(crate) fn of(workspace: &Workspace) -> anyhow::Result<Self> {
        let resolve =
            workspace.metadata.resolve.as_ref().context("cargo metadata resolved no dependencies")?;
        let nodes: HashMap<&PackageId, &Node> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
        let names: HashMap<&PackageId, &str> =
            workspace.metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
        let read = |package: &&Package| Crate {
            name: package.name.to_string(),
            dependencies: package.dependencies.iter().map(Dependency::of).collect(),
            closure: closure(&package.id, &nodes, &names),
        };
        Ok(Self { crates: workspace.members().iter().map(read).collect() })
    }
}

impl Dependency {
    fn of(dependency: &cargo_metadata::Dependency) -> Self {
        Self {
            name: dependency.name.clone(),
            kind: match dependency.kind {
                DependencyKind::Development => Kind::Dev,
                DependencyKind::Build => Kind::Build,
                _ => Kind::Normal,
            },
            presence: if dependency.optional { Presence::Optional } else { Presence::Always },
            defaults: if dependency.uses_default_features { Defaults::On } else { Defaults::Off },
            features: dependency.features.clone(),
        }
    }
}

fn closure(
    start: &PackageId,
    nodes: &HashMap<&PackageId, &Node>,
    names: &HashMap<&PackageId, &str>,
) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(id) = open.pop() {
        let Some(node) = nodes.get(id) else { continue };
        for dependency in &node.deps {
            let compiled_in = dependency.dep_kinds.iter().any(|info| info.kind == DependencyKind::Normal);
            if compiled_in && seen.insert(&dependency.pkg) {
                open.push(&dependency.pkg);
            }
        }
    }
    seen.into_iter().filter_map(|id| names.get(id)).map(|name| (*name).to_owned()).collect()
}

/// Hand-made graphs for the tests of the rules.
#[cfg(test)]
pub(super) mod by_hand {
    use super::*;

    /// A graph of these crates.
    pub(in crate::floors) fn graph(crates: Vec<Crate>) -> Graph {
        Graph { crates }
    }

    /// A crate that names these dependencies and drags in nothing else.
    pub(in crate::floors) fn package(name: &str, dependencies: Vec<Dependency>) -> Crate {
        let closure = dependencies.iter().map(|dependency| dependency.name.clone()).collect();
        Crate { name: name.to_owned(), dependencies, closure }
    }

    /// A plain dependency with its default features off.
    pub(in crate::floors) fn on(name: &str) -> Dependency {
        Dependency {
            name: name.to_owned(),
            kind: Kind::Normal,
            presence: Presence::Always,
            defaults: Defaults::Off,
            features: Vec::new(),
        }
    }

    /// A dev-dependency.
    pub(in crate::floors) fn dev(name: &str) -> Dependency {
        Dependency { kind: Kind::Dev, ..on(name) }
    }

    /// A dependency that a feature switches on.
    pub(in crate::floors) fn optional(name: &str) -> Dependency {
        Dependency { presence: Presence::Optional, ..on(name) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::on_disk::workspace;

    #[test]
    fn the_graph_has_what_manifests_name_and_what_they_drag_in() {
        let package =
            |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n{rest}");
        let on_disk = workspace(&[
            ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"a\", \"b\", \"c\", \"d\"]"),
            (
                "a/Cargo.toml",
                &package(
                    "a",
                    "[dependencies]\nb = { path = \"../b\", default-features = false, features = [\"x\"] }\n\
                     [dev-dependencies]\nd.path = \"../d\"",
                ),
            ),
            ("b/Cargo.toml", &package("b", "[dependencies]\nc.path = \"../c\"\n[features]\nx = []")),
            ("c/Cargo.toml", &package("c", "")),
            ("d/Cargo.toml", &package("d", "")),
            ("a/src/lib.rs", ""),
            ("b/src/lib.rs", ""),
            ("c/src/lib.rs", ""),
            ("d/src/lib.rs", ""),
        ]);

        let graph = Graph::of(&on_disk.workspace).unwrap();
        let a = &graph.crates[0];
        assert_eq!(a.name, "a");
        assert_eq!(a.closure, BTreeSet::from(["b".to_owned(), "c".to_owned()]));
        let kinds: Vec<_> =
            a.dependencies.iter().map(|on| (on.name.as_str(), on.kind, on.defaults)).collect();
        assert_eq!(kinds, [("b", Kind::Normal, Defaults::Off), ("d", Kind::Dev, Defaults::On)]);
        assert_eq!(a.dependencies[0].features, ["x"]);
    }
}
