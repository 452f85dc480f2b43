//! What can go wrong with the database, in one line that names it and says what to do.

use super::postgres::{self, PostgresAddress};
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of a database in messages: the path of the file, or host, port and name. Never a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Arc<str>);

impl Place {
    /// The database in this file.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self(path.display().to_string().into())
    }

    /// The database at this address.
    #[must_use]
    pub fn server(address: &PostgresAddress) -> Self {
        Self(address.to_string().into())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A failure of the database. Prints as `database <where>: <what is wrong, what to do>`; the driver's
/// own words are the source.
#[derive(Debug)]
pub struct StoreError {
    place: Place,
    fault: Fault,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What is wrong with a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The directory that should hold the file does not exist.
    #[error("directory {} does not exist; create it or change DB_SOURCE", .0.display())]
    NoDirectory(PathBuf),
    /// The file does not exist, and this operation does not create one.
    #[error("no such file; `simplebank migrate up` creates it")]
    NoFile,
    /// The path leads to a directory.
    #[error("this is a directory; DB_SOURCE must name a file")]
    IsDirectory,
    /// The file or its directory cannot be opened for writing.
    #[error("not writable; check the owner and permissions of the file and its directory")]
    NotWritable,
    /// The file is something else.
    #[error("not an SQLite database; move the file away or change DB_SOURCE")]
    NotADatabase,
    /// The file is an SQLite database, but a broken one.
    #[error("the file is damaged; stop the program and restore a backup")]
    Damaged,
    /// Another program has kept the file locked for longer than we wait.
    #[error("locked by another process; stop that process or try again later")]
    Locked,
    /// There is no room left.
    #[error("disk is full; free some space, then try again")]
    Full,
    /// The operating system failed to read or write.
    #[error("reading or writing failed; check the disk")]
    Disk,
    /// No connection became free within the time we wait.
    #[error("too many requests are waiting; try again later")]
    Busy,
    /// The store was closed; the process is shutting down.
    #[error("closed")]
    Closed,
    /// The database was migrated by a later version of the program.
    #[error("schema version {found} is newer than this program, which knows {known}; use a newer simplebank")]
    SchemaNewer {
        /// The latest migration applied to the database.
        found: i64,
        /// The latest migration this program has.
        known: i64,
    },
    /// A migration that was applied had another text then.
    #[error("migration {0} is not the one that was applied; use the simplebank that applied it")]
    MigrationChanged(i64),
    /// A migration failed; nothing was changed.
    #[error("migration {0} failed and nothing was changed")]
    MigrationFailed(i64),
    /// A migration left rows that refer to nothing; nothing was changed.
    #[error("migrating would leave {0} rows that refer to nothing; nothing was changed")]
    DanglingRows(i64),
    /// Nobody listens there, or the connection broke.
    #[error("no connection; check that Postgres runs and that DB_SOURCE names its host and port")]
    Unreachable,
    /// A connection is there, and nothing comes over it.
    #[error("no answer; check the server and the network between here and there")]
    NoAnswer,
    /// The server's certificate is not trusted, or it has none.
    #[error("no trusted connection; check sslmode and sslrootcert in DB_SOURCE")]
    Untrusted,
    /// The server does not let us in.
    #[error("login refused; check user and password in DB_SOURCE")]
    LoginRefused,
    /// The server has no database of this name.
    #[error("no such database; create it or change DB_SOURCE")]
    NoDatabase,
    /// The user may not do what was tried.
    #[error("permission denied; grant the user of DB_SOURCE its rights on the tables")]
    Forbidden,
    /// The server has as many connections as it takes.
    #[error("the server takes no more connections; lower DB_POOL_SIZE or raise max_connections")]
    Crowded,
    /// The server takes no writes.
    #[error("takes no writes; DB_SOURCE must name the primary server")]
    ReadOnly,
    /// A statement ran, or waited for a lock, for longer than it may.
    #[error("a statement took too long; try again later")]
    TooSlow,
    /// Transactions got in each other's way and this one was ended. The whole of it may be tried again.
    #[error("transactions were in each other's way; try again")]
    Conflict,
    /// The connection broke after the commit was sent: it may have happened or not. Whoever asks again under the same
    /// idempotency key learns which.
    #[error("the connection broke during a commit, which may have happened or not")]
    CommitUnknown,
    /// A table or a column is missing.
    #[error("the schema is not that of this program; run `simplebank migrate up`")]
    SchemaMissing,
    /// The tool that made the database stopped half-way through a migration.
    #[error(
        "schema_migrations says that migration {0} stopped half-way; repair the tables by hand, set version and dirty \
         in schema_migrations to what they then are, and try again"
    )]
    AdoptionDirty(i64),
    /// The tool that made the database knows migrations that we do not.
    #[error("schema_migrations stands at version {0}; only a database of versions 1 to 5 can be taken over")]
    AdoptionUnknown(i64),
    /// Anything else: a mistake of ours, or a rule of the schema that was not checked before.
    #[error("failed to run a statement")]
    Statement,
}

impl StoreError {
    pub(crate) fn new(place: &Place, fault: Fault) -> Self {
        Self { place: place.clone(), fault, source: None }
    }

    pub(super) fn caused(
        place: &Place,
        fault: Fault,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { place: place.clone(), fault, source: Some(source.into()) }
    }

    /// What is wrong.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Whether the same call may succeed a moment later, with nothing repaired.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.fault, Fault::Locked | Fault::Busy | Fault::Conflict | Fault::TooSlow)
            || self.is_absence()
    }

    /// Whether the database is away, or as good as that, and may come back with nothing repaired here.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        use Fault::{CommitUnknown, Crowded, NoAnswer, TooSlow, Unreachable};
        matches!(self.fault, Unreachable | NoAnswer | TooSlow | Crowded | CommitUnknown)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database {}: {}", self.place, self.fault)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// Whether an error, or a cause of it, says that the database ended a transaction because others were in its way.
/// Nothing of it is left, and the whole of it may be tried again.
#[must_use]
pub fn is_conflict(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |cause| (*cause).source());
    let ours = causes.find_map(|cause| cause.downcast_ref::<StoreError>());
    ours.is_some_and(|ours| ours.fault == Fault::Conflict) || postgres::means_conflict(error)
}
