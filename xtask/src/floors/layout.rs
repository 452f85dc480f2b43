//! Which floor each crate stands on. ARCHITECTURE.md explains the picture; this table is what is checked.

/// Where a crate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On a numbered floor; it may depend on lower numbers only.
    Floor(u8),
    /// Beside the building: it may depend on anything, and nothing may depend on it.
    Outside,
}

/// What a crate is to its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Code for other people's programs: it leaves the process and its environment alone.
    Library,
    /// A program of ours.
    Program,
}

/// One crate's row.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) role: Role,
}

/// The conformance suite and its helpers: a dev-dependency of the floors above.
pub(crate) const TESTING: &str = "aftercommit-testing";
/// Real servers for tests and benchmarks: a dev-dependency of the floors above, and never more.
pub(crate) const SERVERS: &str = "aftercommit-servers";
/// Runs the bank from outside, in its processes: the bank's own tests may start it, and nobody else.
pub(crate) const CHAOS: &str = "aftercommit-chaos";
/// What users import; the bank may use nothing else of the queue.
pub(crate) const FRONT_DOOR: &str = "aftercommit";
/// The bank, first user of the queue.
pub(crate) const BANK: &str = "simplebank";

const FLOORS: &[Row] = &[
    library("aftercommit-core", 0),
    // It starts processes, which no library of ours may.
    program(SERVERS, Place::Floor(0)),
    library(TESTING, 1),
    library("aftercommit-redis", 2),
    library("aftercommit-postgres", 2),
    library("aftercommit-sqlite", 2),
    library(FRONT_DOOR, 3),
    library("aftercommit-dashboard", 4),
    program("aftercommit-cli", Place::Floor(4)),
    program(BANK, Place::Floor(5)),
    program("aftercommit-interop", Place::Outside),
    program("xtask", Place::Outside),
    program("aftercommit-bench", Place::Outside),
    program(CHAOS, Place::Outside),
];

/// The row of a workspace crate; `None` for one that nobody has given a floor.
pub(crate) fn row(name: &str) -> Option<&'static Row> {
    FLOORS.iter().find(|row| row.name == name)
}

const fn library(name: &'static str, floor: u8) -> Row {
    Row { name, place: Place::Floor(floor), role: Role::Library }
}

const fn program(name: &'static str, place: Place) -> Row {
    Row { name, place, role: Role::Program }
}
