//! Rules about edges between the workspace's own crates.

use super::graph::{Crate, Dependency, Graph, Kind, Presence};
use super::layout::{self, BANK, CHAOS, FRONT_DOOR, Place, SERVERS, TESTING};
use crate::finding::Finding;

/// What the bank may name of the queue besides dev-dependencies.
const OPEN_TO_THE_BANK: &[&str] = &[FRONT_DOOR, "aftercommit-dashboard"];

/// Judges every edge between two workspace crates.
pub(crate) fn check(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &graph.crates {
        if layout::row(&package.name).is_none() {
            findings.push(Finding::error(
                &package.name,
                "this crate stands on no floor",
                "give it a row in xtask/src/floors/layout.rs and in ARCHITECTURE.md",
            ));
        }
        for dependency in own_dependencies(graph, package) {
            findings.extend(points_down(package, dependency));
            findings.extend(testing_stays_out_of_products(package, dependency));
            findings.extend(servers_are_for_tests(package, dependency));
            findings.extend(bank_uses_the_front_door(package, dependency));
        }
    }
    findings
}

fn own_dependencies<'a>(graph: &'a Graph, package: &'a Crate) -> impl Iterator<Item = &'a Dependency> {
    package
        .dependencies
        .iter()
        .filter(|dependency| graph.crates.iter().any(|other| other.name == dependency.name))
}

fn points_down(package: &Crate, dependency: &Dependency) -> Option<Finding> {
    // A crate without a row has its own finding.
    let from = layout::row(&package.name)?.place;
    let to = layout::row(&dependency.name)?.place;
    let (problem, remedy) = match (from, to) {
        // It knows nothing of the bank but how to start it, and cargo tells only the bank's tests where its program is.
        (_, Place::Outside)
            if dependency.name == CHAOS && package.name == BANK && dependency.kind == Kind::Dev =>
        {
            return None;
        }
        (_, Place::Outside) => (
            format!("depends on {}, which stands outside the building", dependency.name),
            "move the shared code into a crate with a floor".to_owned(),
        ),
        (Place::Outside, Place::Floor(_)) => return None,
        (Place::Floor(from), Place::Floor(to)) if to < from => return None,
        (Place::Floor(from), Place::Floor(to)) if to == from => (
            format!("depends sideways on {}: both stand on floor {from}", dependency.name),
            "neighbours never see each other; move what they share down a floor".to_owned(),
        ),
        (Place::Floor(from), Place::Floor(to)) => (
            format!("depends upward on {}: from floor {from} to floor {to}", dependency.name),
            "dependencies point down only; move the code that is needed down, or the caller up".to_owned(),
        ),
    };
    Some(Finding::error(&package.name, problem, remedy))
}

fn testing_stays_out_of_products(package: &Crate, dependency: &Dependency) -> Option<Finding> {
    let feature_of_the_front_door = package.name == FRONT_DOOR && dependency.presence == Presence::Optional;
    if dependency.name != TESTING || dependency.kind == Kind::Dev || feature_of_the_front_door {
        return None;
    }
    Some(Finding::error(
        &package.name,
        format!("{TESTING} is compiled into the product"),
        format!("make it a dev-dependency; only {FRONT_DOOR} offers it to users, as an optional feature"),
    ))
}

/// A benchmark stands outside and is nobody's product.
fn servers_are_for_tests(package: &Crate, dependency: &Dependency) -> Option<Finding> {
    let outside = layout::row(&package.name).is_some_and(|row| row.place == Place::Outside);
    if dependency.name != SERVERS || dependency.kind == Kind::Dev || outside {
        return None;
    }
    Some(Finding::error(
        &package.name,
        format!("{SERVERS} is compiled into the product"),
        "make it a dev-dependency: it starts processes, and is not published",
    ))
}

fn bank_uses_the_front_door(package: &Crate, dependency: &Dependency) -> Option<Finding> {
    if package.name != BANK {
        return None;
    }
    if dependency.kind != Kind::Dev && !OPEN_TO_THE_BANK.contains(&dependency.name.as_str()) {
        return Some(Finding::error(
            BANK,
            format!("reaches around the front door to {} (invariant 6)", dependency.name),
            format!("use what {FRONT_DOOR} exports, or export there what any user would need"),
        ));
    }
    let private = dependency.features.iter().find(|feature| feature.starts_with('_'))?;
    Some(Finding::error(
        BANK,
        format!("switches on {}'s private feature {private} (invariant 6)", dependency.name),
        "use public features only, as any user of the library would",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::graph::by_hand::{dev, graph, on, optional, package};
    use super::*;

    fn problems(crates: Vec<Crate>) -> Vec<String> {
        check(&graph(crates)).iter().map(ToString::to_string).collect()
    }

    fn building() -> Vec<Crate> {
        vec![
            package("aftercommit-core", vec![on("serde")]),
            package("aftercommit-testing", vec![on("aftercommit-core")]),
            package("aftercommit-sqlite", vec![on("aftercommit-core"), dev("aftercommit-testing")]),
            package("aftercommit", vec![optional("aftercommit-sqlite"), optional("aftercommit-testing")]),
            package(
                "simplebank",
                vec![on("aftercommit"), dev("aftercommit-testing"), dev("aftercommit-servers")],
            ),
            package("xtask", vec![on("aftercommit-core"), on("aftercommit-servers")]),
            package("aftercommit-servers", vec![on("rcgen")]),
        ]
    }

    #[test]
    fn the_building_as_planned_is_clean() {
        assert_eq!(problems(building()), Vec::<String>::new());
    }

    #[test]
    fn an_upward_edge_is_an_error() {
        let mut crates = building();
        crates[2].dependencies.push(on("aftercommit"));
        let problems = problems(crates);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0]
                .contains("aftercommit-sqlite: depends upward on aftercommit: from floor 2 to floor 3")
        );
    }

    #[test]
    fn an_upward_dev_dependency_is_an_error_too() {
        let mut crates = building();
        crates[0].dependencies.push(dev("aftercommit-testing"));
        assert!(problems(crates)[0].contains("aftercommit-core: depends upward"));
    }

    #[test]
    fn back_ends_never_see_each_other() {
        let mut crates = building();
        crates.push(package("aftercommit-redis", vec![on("aftercommit-sqlite")]));
        assert!(
            problems(crates)[0].contains("depends sideways on aftercommit-sqlite: both stand on floor 2")
        );
    }

    #[test]
    fn nothing_depends_on_what_stands_outside() {
        let mut crates = building();
        crates[4].dependencies.push(dev("xtask"));
        assert!(problems(crates)[0].contains("which stands outside the building"));
    }

    #[test]
    fn only_tests_of_the_bank_start_the_chaos() {
        let with = |at: usize, dependency| {
            let mut crates = building();
            crates.push(package(CHAOS, vec![on("aftercommit")]));
            crates[at].dependencies.push(dependency);
            problems(crates)
        };
        assert_eq!(with(4, dev(CHAOS)), Vec::<String>::new());
        assert!(with(4, on(CHAOS))[0].contains("which stands outside the building"));
        assert!(with(3, dev(CHAOS))[0].contains("which stands outside the building"));
    }

    #[test]
    fn a_crate_without_a_floor_is_an_error() {
        assert!(problems(vec![package("newcomer", vec![])])[0].contains("stands on no floor"));
    }

    #[test]
    fn testing_is_not_compiled_into_a_product() {
        let mut crates = building();
        crates[2].dependencies.push(on("aftercommit-testing"));
        assert!(problems(crates)[0].contains("aftercommit-testing is compiled into the product"));
    }

    #[test]
    fn servers_are_compiled_into_no_product() {
        let mut crates = building();
        crates[3].dependencies.push(optional("aftercommit-servers"));
        assert!(problems(crates)[0].contains("aftercommit-servers is compiled into the product"));
    }

    #[test]
    fn the_front_door_offers_testing_as_an_option_only() {
        let mut crates = building();
        crates[3].dependencies.push(on("aftercommit-testing"));
        assert!(problems(crates)[0].contains("aftercommit-testing is compiled into the product"));
    }

    #[test]
    fn the_bank_does_not_reach_around_the_front_door() {
        let mut crates = building();
        crates[4].dependencies.push(on("aftercommit-sqlite"));
        assert!(problems(crates)[0].contains("around the front door to aftercommit-sqlite"));
    }

    #[test]
    fn the_bank_uses_public_features_only() {
        let mut crates = building();
        crates[4].dependencies[0].features.push("_internals".to_owned());
        assert!(problems(crates)[0].contains("private feature _internals"));
    }
}
