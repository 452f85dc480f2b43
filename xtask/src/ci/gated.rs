//! Test targets that a plain run leaves out, because they need a feature that is off.

use std::collections::BTreeSet;

use cargo_metadata::Package;

use super::packages::{POSTGRES_FEATURE, REDIS_FEATURE};
use crate::workspace::Workspace;

/// The feature that says of a `[[test]]` target, in its `required-features`, that it belongs to the step `interop`.
pub(super) const GO_FEATURE: &str = "aftercommit-interop/go";

/// The features that mark a target as starting a server.
const SERVERS: [&str; 2] = [POSTGRES_FEATURE, REDIS_FEATURE];

/// A test target that needs more than the features that are on anyway.
pub(super) struct Gated {
    /// The features to ask for, as cargo takes them.
    pub(super) features: Vec<String>,
    pub(super) target: String,
}

impl Gated {
    pub(super) fn needs_go(&self) -> bool {
        self.features.iter().any(|feature| feature == GO_FEATURE)
    }

    /// The features that mark it as starting a server, in order.
    pub(super) fn servers(&self) -> BTreeSet<&str> {
        let features = self.features.iter().filter_map(|feature| feature.rsplit_once('/'));
        features.map(|(_, feature)| feature).filter(|feature| SERVERS.contains(feature)).collect()
    }
}

/// All of them, of every crate.
pub(super) fn gated(workspace: &Workspace) -> Vec<Gated> {
    let members = workspace.members();
    members.iter().flat_map(|package| gated_targets(package, &active_features(workspace, package))).collect()
}

fn gated_targets(package: &Package, active: &BTreeSet<String>) -> Vec<Gated> {
    let tests = package.targets.iter().filter(|target| target.is_test());
    tests
        .filter(|target| !target.required_features.iter().all(|feature| active.contains(feature)))
        .map(|target| {
            let features =
                target.required_features.iter().map(|feature| format!("{}/{feature}", package.name));
            Gated { features: features.collect(), target: target.name.clone() }
        })
        .collect()
}

/// The features of a package that are on when the whole workspace is built as it stands.
fn active_features(workspace: &Workspace, package: &Package) -> BTreeSet<String> {
    let nodes = workspace.metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let own = nodes.filter(|node| node.id == package.id);
    own.flat_map(|node| node.features.iter().map(ToString::to_string)).collect()
}
