//! Rules about what a crate may name, or drag in, from outside the workspace.

use super::graph::{Crate, Defaults, Dependency, Graph, Kind};
use super::layout::{self, Place};
use crate::finding::Finding;

/// Families of crates that belong to a few of ours. `sqlx` stands for `sqlx` and every `sqlx-*`.
struct Reserved {
    families: &'static [&'static str],
    allowed_in: &'static [&'static str],
    because: &'static str,
}

const RESERVED: &[Reserved] = &[
    Reserved {
        families: &["redis", "rustis", "fred"],
        allowed_in: &["aftercommit-redis"],
        because: "only the redis crate knows Redis (invariant 2)",
    },
    Reserved {
        families: &["prost"],
        allowed_in: &["aftercommit-redis", "simplebank"],
        because: "only the redis crate knows protobuf, for asynq's wire, and the bank, for its API (invariants 2, 4)",
    },
    Reserved {
        families: &["sqlx", "libsqlite3-sys", "rusqlite", "tokio-postgres"],
        allowed_in: &["aftercommit-postgres", "aftercommit-sqlite", "simplebank"],
        because: "only the SQL crates and the bank know a database driver (invariant 3)",
    },
    Reserved {
        families: &["tonic", "protox"],
        allowed_in: &["simplebank"],
        because: "only the bank knows gRPC (invariant 4)",
    },
    Reserved {
        families: &["axum"],
        allowed_in: &["aftercommit-dashboard", "simplebank"],
        because: "a task queue must not bring a web server along",
    },
    Reserved {
        families: &["clap", "dotenvy", "tracing-subscriber", "mimalloc"],
        allowed_in: &["aftercommit-cli", "simplebank"],
        because: "a library parses no arguments, reads no configuration, installs no subscriber (invariant 5)",
    },
];

/// The crate without I/O and without a runtime, whose whole tree is checked.
const CORE: &str = "aftercommit-core";

const NOT_IN_CORE: &[&str] = &[
    "redis",
    "sqlx",
    "libsqlite3-sys",
    "axum",
    "hyper",
    "tonic",
    "prost",
    "tokio",
    "async-std",
    "smol",
    "mio",
];

/// Crates whose default features bring drivers, macros or a second TLS stack along.
const DEFAULTS_OFF: &[&str] = &[
    "axum",
    "lettre",
    "opentelemetry",
    "opentelemetry-otlp",
    "opentelemetry_sdk",
    "pasetors",
    "redis",
    "reqwest",
    "rustls",
    "sqlx",
    "tokio",
];

/// Features that cost more than they give, with the reason.
const UNWANTED_FEATURES: &[(&str, &str, &str)] = &[
    ("sqlx", "macros", "builds every driver a second time for the build machine"),
    ("sqlx", "derive", "builds every driver a second time for the build machine"),
    ("sqlx", "sqlite", "switches extension loading on; use sqlite-bundled"),
    ("tokio", "full", "name the features that are used"),
];

/// Judges what every crate names from outside.
pub(crate) fn check(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in graph.crates.iter().filter(|package| stands_on_a_floor(package)) {
        for dependency in &package.dependencies {
            findings.extend(is_reserved(package, dependency));
            findings.extend(default_features_are_off(package, dependency));
            findings.extend(features_are_wanted(package, dependency));
        }
        if package.name == CORE {
            findings.extend(core_stays_pure(package));
        }
    }
    findings
}

fn stands_on_a_floor(package: &Crate) -> bool {
    layout::row(&package.name).is_none_or(|row| row.place != Place::Outside)
}

fn is_reserved(package: &Crate, dependency: &Dependency) -> Option<Finding> {
    // A test may open a database or a subscriber of its own; it is compiled into nobody's program.
    if dependency.kind == Kind::Dev {
        return None;
    }
    let reserved = RESERVED.iter().find(|reserved| belongs_to(&dependency.name, reserved.families))?;
    if reserved.allowed_in.contains(&package.name.as_str()) {
        return None;
    }
    Some(Finding::error(
        &package.name,
        format!("names {}, but {}", dependency.name, reserved.because),
        format!("remove it; it may stand in: {}", reserved.allowed_in.join(", ")),
    ))
}

fn default_features_are_off(package: &Crate, dependency: &Dependency) -> Option<Finding> {
    if dependency.defaults == Defaults::Off || !DEFAULTS_OFF.contains(&dependency.name.as_str()) {
        return None;
    }
    Some(Finding::error(
        &package.name,
        format!("takes {} with its default features", dependency.name),
        "set `default-features = false` in [workspace.dependencies] and name the features that are used",
    ))
}

fn features_are_wanted(package: &Crate, dependency: &Dependency) -> Vec<Finding> {
    let unwanted = UNWANTED_FEATURES.iter().filter(|(name, feature, _)| {
        dependency.name == *name && dependency.features.iter().any(|on| on == feature)
    });
    unwanted
        .map(|(name, feature, because)| {
            Finding::error(&package.name, format!("switches on {name}'s feature {feature}"), *because)
        })
        .collect()
}

fn core_stays_pure(package: &Crate) -> Vec<Finding> {
    let named = package.dependencies.iter().map(|dependency| &dependency.name);
    let mut offenders: Vec<&String> =
        named.chain(&package.closure).filter(|name| belongs_to(name, NOT_IN_CORE)).collect();
    offenders.sort();
    offenders.dedup();
    offenders
        .into_iter()
        .map(|name| {
            Finding::error(
                CORE,
                format!("names or drags in {name}, but core has no I/O and no runtime (invariant 1)"),
                format!("remove it, for tests too; `cargo tree -p {CORE} -i {name}` shows who wants it"),
            )
        })
        .collect()
}

fn belongs_to(name: &str, families: &[&str]) -> bool {
    families.iter().any(|family| {
        name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    })
}

#[cfg(test)]
mod tests {
    use super::super::graph::by_hand::{dev, graph, on, package};
    use super::*;

    fn problems(package: Crate) -> Vec<String> {
        check(&graph(vec![package])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_crate_may_name_what_is_its_own() {
        for (name, dependency) in [
            ("aftercommit-redis", "redis"),
            ("aftercommit-redis", "prost"),
            ("aftercommit-sqlite", "sqlx"),
            ("simplebank", "tonic-health"),
            ("simplebank", "clap"),
            ("xtask", "clap"),
        ] {
            assert_eq!(
                problems(package(name, vec![on(dependency)])),
                Vec::<String>::new(),
                "{name} on {dependency}"
            );
        }
    }

    #[test]
    fn a_reserved_name_elsewhere_is_an_error_that_says_why() {
        for (name, dependency, because) in [
            ("aftercommit", "redis", "only the redis crate knows Redis"),
            ("aftercommit-sqlite", "prost-types", "only the redis crate knows protobuf"),
            ("aftercommit", "sqlx", "know a database driver"),
            ("aftercommit-dashboard", "tonic", "only the bank knows gRPC"),
            ("aftercommit", "axum", "web server"),
            ("aftercommit-testing", "tracing-subscriber", "installs no subscriber"),
        ] {
            let problems = problems(package(name, vec![on(dependency)]));
            assert_eq!(problems.len(), 1, "{name} on {dependency}: {problems:?}");
            assert!(problems[0].contains(because), "{problems:?}");
        }
    }

    #[test]
    fn a_family_is_a_name_and_what_hangs_on_it_by_a_dash() {
        assert!(belongs_to("sqlx-core", &["sqlx"]));
        assert!(belongs_to("sqlx", &["sqlx"]));
        assert!(!belongs_to("redistribute", &["redis"]));
    }

    #[test]
    fn a_test_may_use_a_driver() {
        assert_eq!(problems(package("aftercommit", vec![dev("sqlx")])), Vec::<String>::new());
    }

    #[test]
    fn core_names_no_runtime_not_even_in_tests() {
        let problems = problems(package("aftercommit-core", vec![dev("tokio")]));
        assert!(problems[0].contains("drags in tokio"), "{problems:?}");
    }

    #[test]
    fn core_drags_in_no_runtime() {
        let mut core = package("aftercommit-core", vec![on("innocent")]);
        core.closure.insert("tokio-util".to_owned());
        assert!(problems(core)[0].contains("drags in tokio-util"));
    }

    #[test]
    fn default_features_of_a_driver_are_an_error() {
        let with_defaults = Dependency { defaults: Defaults::On, ..on("sqlx") };
        assert!(problems(package("aftercommit-sqlite", vec![with_defaults]))[0].contains("default features"));
    }

    #[test]
    fn an_unwanted_feature_is_an_error() {
        let with_macros = Dependency { features: vec!["macros".to_owned()], ..on("sqlx") };
        assert!(
            problems(package("aftercommit-sqlite", vec![with_macros]))[0].contains("sqlx's feature macros")
        );
    }
}
