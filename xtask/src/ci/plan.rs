//! Turns steps into cargo commands, so that nothing is compiled twice without need.
//!
//! Cargo unites the features of all the crates it is asked to build. So every command that builds much asks for the
//! whole workspace and narrows down by target: with `-p` the dependencies would get other features, and be compiled
//! once more.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::Package;

use super::command::Command;
use super::gated::{GO_FEATURE, Gated, gated};
use super::packages::{POSTGRES_FEATURE, REDIS_FEATURE};
use super::tools::CARGO_DENY;
use crate::workspace::Workspace;

const DENY_WARNINGS: &str = "-Dwarnings";

/// The modules in Go.
const GO_MODULES: &[&str] = &[
    "interop/common",
    "interop/go",
    "interop/go025",
    "interop/gomon",
    "bench/peers/asynq",
    "bench/peers/common",
];

/// `gofmt` lists what it would change, and succeeds all the same.
const GO_FORMAT: &str = r#"unformatted="$(gofmt -l interop bench/peers)" && test -z "$unformatted" || { echo "$unformatted"; exit 1; }"#;

pub(crate) fn fmt(_: &Workspace) -> Vec<Command> {
    vec![Command::cargo(["fmt", "--all", "--check"])]
}

/// Compiles what `tests` runs.
pub(crate) fn build(_: &Workspace) -> Vec<Command> {
    vec![Command::cargo(["test", "--workspace", "--no-run"])]
}

pub(crate) fn clippy(_: &Workspace) -> Vec<Command> {
    let everything = ["--workspace", "--all-targets", "--all-features", "--keep-going"];
    vec![Command::cargo(["clippy"].into_iter().chain(everything).chain(["--", DENY_WARNINGS]))]
}

pub(crate) fn tests(_: &Workspace) -> Vec<Command> {
    vec![Command::cargo_test(["--workspace"])]
}

/// Runs the test targets whose `required-features` are off in a plain run, feature set by feature set, but for those
/// that start a server or a program in Go.
pub(crate) fn gated_tests(workspace: &Workspace) -> Vec<Command> {
    let gated = gated(workspace).into_iter().filter(|gated| gated.servers().is_empty() && !gated.needs_go());
    let mut by_features: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Gated { features, target } in gated {
        by_features.entry(features.join(",")).or_default().insert(target);
    }
    by_features.iter().map(|(features, targets)| tests_with(features, targets)).collect()
}

/// Runs the test targets that ask for the feature `redis-server` and no other server, of all crates at once.
///
/// That feature does nothing but mark them. So `cargo test` works where there is no Redis, no test decides by itself
/// whether it runs, and a missing package is one line of this program instead of one in each test.
pub(crate) fn redis_tests(workspace: &Workspace) -> Vec<Command> {
    server_tests(workspace, &[REDIS_FEATURE])
}

/// The same for the feature `postgres-server`.
pub(crate) fn postgres_tests(workspace: &Workspace) -> Vec<Command> {
    server_tests(workspace, &[POSTGRES_FEATURE])
}

/// The same for targets that ask for both.
pub(crate) fn stores_tests(workspace: &Workspace) -> Vec<Command> {
    server_tests(workspace, &[POSTGRES_FEATURE, REDIS_FEATURE])
}

/// Runs the targets that need exactly these servers. Every such command switches on the features of all of them, and
/// differs from the others by its targets alone: with other features their crates would be compiled once more.
fn server_tests(workspace: &Workspace, servers: &[&str]) -> Vec<Command> {
    let all: Vec<Gated> = gated(workspace)
        .into_iter()
        .filter(|gated| !gated.servers().is_empty() && !gated.needs_go())
        .collect();
    let features: BTreeSet<&str> = all.iter().flat_map(|gated| &gated.features).map(String::as_str).collect();
    let chosen = all.iter().filter(|gated| gated.servers().into_iter().eq(servers.iter().copied()));
    let targets: BTreeSet<String> = chosen.map(|gated| gated.target.clone()).collect();
    if targets.is_empty() {
        return Vec::new();
    }
    vec![tests_with(&features.into_iter().collect::<Vec<_>>().join(","), &targets)]
}

/// Cargo selects targets by name in every crate: gated targets have names that no other target has.
fn tests_with(features: &str, targets: &BTreeSet<String>) -> Command {
    let targets = targets.iter().flat_map(|target| ["--test", target]);
    Command::cargo_test(["--workspace", "--features", features].into_iter().chain(targets))
}

/// Checks the Go programs and runs the tests that start them.
pub(crate) fn interop_tests(_: &Workspace) -> Vec<Command> {
    let format = Command::new(["sh", "-c", GO_FORMAT].map(str::to_owned).to_vec());
    let vet = |module: &&str| Command::new(["go", "vet", "-C", module, "./..."].map(str::to_owned).to_vec());
    let tests = Command::cargo_test(["--workspace", "--features", GO_FEATURE, "--test", "interop_*"]);
    std::iter::once(format).chain(GO_MODULES.iter().map(vet)).chain([tests]).collect()
}

/// Checks each crate as somebody would build it who has nothing else. In the other steps the features that one crate
/// asks of a dependency are there for all of them, and would hide what a crate forgot to ask for.
pub(crate) fn alone(workspace: &Workspace) -> Vec<Command> {
    workspace.members().into_iter().flat_map(checks_of).collect()
}

/// A program as it is built by default; a library without features, and with each one by itself.
fn checks_of(package: &Package) -> Vec<Command> {
    let is_program = package.targets.iter().any(|target| target.is_bin());
    let choices: Vec<Vec<&str>> = if is_program {
        vec![vec![]]
    } else {
        let named = package.features.keys().filter(|feature| *feature != "default");
        let each = named.map(|feature| vec!["--no-default-features", "--features", feature]);
        std::iter::once(vec!["--no-default-features"]).chain(each).collect()
    };
    let check = |choice: Vec<&str>| {
        let package = ["clippy", "--no-deps", "--package", &package.name].into_iter();
        Command::cargo(package.chain(choice).chain(["--", DENY_WARNINGS]))
    };
    choices.into_iter().map(check).collect()
}

pub(crate) fn docs(_: &Workspace) -> Vec<Command> {
    vec![
        Command::cargo(["doc", "--workspace", "--no-deps", "--all-features", "--keep-going"])
            .with("RUSTDOCFLAGS", DENY_WARNINGS),
    ]
}

pub(crate) fn deny(workspace: &Workspace) -> Vec<Command> {
    let program = CARGO_DENY.program(&workspace.tools());
    let words =
        |program: String| [&program, "check", "bans", "licenses", "sources"].map(str::to_owned).to_vec();
    program.into_iter().map(|program| Command::new(words(program))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::on_disk::{OnDisk, workspace};

    const BANK: &str = r#"
        [package]
        name = "bank"
        edition = "2024"
        [features]
        default = ["usual"]
        usual = []
        kill = []
        redis-server = []
        postgres-server = []
        [[test]]
        name = "always"
        required-features = ["usual"]
        [[test]]
        name = "dies"
        required-features = ["kill"]
        [[test]]
        name = "burns"
        required-features = ["kill"]
        [[test]]
        name = "stores"
        required-features = ["redis-server"]
        [[test]]
        name = "dies_storing"
        required-features = ["kill", "redis-server"]
        [[test]]
        name = "commits"
        required-features = ["postgres-server"]
        [[test]]
        name = "moves"
        required-features = ["redis-server", "postgres-server"]
    "#;

    fn bank() -> OnDisk {
        workspace(&[
            ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"bank\", \"tool\"]"),
            ("bank/Cargo.toml", BANK),
            ("bank/src/lib.rs", ""),
            ("bank/tests/always.rs", ""),
            ("bank/tests/dies.rs", ""),
            ("bank/tests/burns.rs", ""),
            ("bank/tests/stores.rs", ""),
            ("bank/tests/dies_storing.rs", ""),
            ("bank/tests/commits.rs", ""),
            ("bank/tests/moves.rs", ""),
            ("tool/Cargo.toml", "[package]\nname = \"tool\"\nedition = \"2024\""),
            ("tool/src/main.rs", "fn main() {}"),
        ])
    }

    fn lines(commands: &[Command]) -> Vec<String> {
        commands.iter().map(Command::line).collect()
    }

    #[test]
    fn gated_tests_are_those_whose_features_are_off_and_run_once_per_feature_set() {
        let lines = lines(&gated_tests(&bank().workspace));
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line = "cargo test --no-fail-fast --workspace --features bank/kill --test burns --test dies";
        assert!(lines[0].starts_with(line), "{lines:?}");
    }

    #[test]
    fn tests_that_start_a_server_run_once_in_the_step_of_all_the_servers_they_need() {
        let on_disk = bank();
        let all = "bank/kill,bank/postgres-server,bank/redis-server";
        for (commands, targets) in [
            (redis_tests(&on_disk.workspace), "--test dies_storing --test stores"),
            (postgres_tests(&on_disk.workspace), "--test commits"),
            (stores_tests(&on_disk.workspace), "--test moves"),
        ] {
            let lines = lines(&commands);
            assert_eq!(lines.len(), 1, "{lines:?}");
            let line = format!("cargo test --no-fail-fast --workspace --features {all} {targets}");
            assert_eq!(lines[0].matches("--test ").count(), targets.matches("--test ").count(), "{lines:?}");
            assert!(lines[0].starts_with(&line), "{lines:?}");
        }
    }

    #[test]
    fn tests_that_need_go_are_left_to_a_step_of_their_own() {
        let needs_go = r#"
            [package]
            name = "aftercommit-interop"
            edition = "2024"
            [features]
            go = []
            [[test]]
            name = "interop_smoke"
            required-features = ["go"]
        "#;
        let on_disk =
            workspace(&[("Cargo.toml", needs_go), ("src/lib.rs", ""), ("tests/interop_smoke.rs", "")]);
        assert_eq!(lines(&gated_tests(&on_disk.workspace)), Vec::<String>::new());
        let lines = lines(&interop_tests(&on_disk.workspace));
        let last = lines.last().unwrap();
        assert!(last.contains("--features aftercommit-interop/go --test interop_*"), "{lines:?}");
    }

    #[test]
    fn a_library_is_checked_with_each_feature_and_a_program_as_it_is() {
        assert_eq!(
            lines(&alone(&bank().workspace)),
            [
                "cargo clippy --no-deps --package bank --no-default-features -- -Dwarnings",
                "cargo clippy --no-deps --package bank --no-default-features --features kill -- -Dwarnings",
                "cargo clippy --no-deps --package bank --no-default-features --features postgres-server -- -Dwarnings",
                "cargo clippy --no-deps --package bank --no-default-features --features redis-server -- -Dwarnings",
                "cargo clippy --no-deps --package bank --no-default-features --features usual -- -Dwarnings",
                "cargo clippy --no-deps --package tool -- -Dwarnings",
            ]
        );
    }
}
