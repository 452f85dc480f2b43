//! The Makefile: every target can be made, says what it does, and stands where users of the course look for it.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper ends the test that called it")]

use std::path::Path;
use std::process::Command;

/// The course's targets, in the order in which its Makefile lists them.
const COURSE: [&str; 17] = [
    "postgres",
    "createdb",
    "dropdb",
    "migrateup",
    "migratedown",
    "migrateup1",
    "migratedown1",
    "db_docs",
    "db_schema",
    "sqlc",
    "test",
    "server",
    "mock",
    "proto",
    "evans",
    "redis",
    "redis_stop",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a directory of the repository")
}

/// The targets behind `.PHONY:`, with the lines that continue it.
fn phony() -> Vec<String> {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap().replace("\\\n", " ");
    let line = makefile.lines().find_map(|line| line.strip_prefix(".PHONY:")).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

fn make(args: &[&str]) -> String {
    let mut command = Command::new("make");
    // A make around this test is not to speak in here.
    command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL").current_dir(root()).args(args);
    let output = command.output().unwrap();
    assert!(output.status.success(), "make {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_target_can_be_made_and_is_in_the_help() {
    let help = make(&["help"]);
    for target in phony() {
        let commands = make(&["--dry-run", &target]);
        assert!(!commands.contains("Nothing to be done"), "{target} does nothing");
        assert!(
            help.lines().any(|line| line.starts_with(&format!("make {target} "))),
            "{target} is missing in {help}"
        );
    }
}

#[test]
fn targets_of_the_course_come_first_and_in_its_order() {
    let targets = phony();
    let places: Vec<usize> =
        targets.iter().filter_map(|target| COURSE.iter().position(|name| name == target)).collect();
    assert!(places.is_sorted(), "{targets:?}");
    let first = &targets[..places.len()];
    assert!(first.iter().all(|target| COURSE.contains(&target.as_str())), "{targets:?}");
}

#[test]
fn lectures_are_replayed_by_their_own_targets() {
    for lecture in ["55", "56", "58"] {
        let commands = make(&["--dry-run", &format!("lecture-{lecture}")]);
        assert!(commands.contains(&format!("scripts/lectures.sh lecture_{lecture}")), "{commands}");
    }
}
