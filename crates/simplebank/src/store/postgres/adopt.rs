//! Taking over a database that another program of this bank made: its tables are those of our migrations 1 to 5, and
//! golang-migrate has noted in `schema_migrations` how many of them there are.

use super::link::explain;
use super::migrate::{self, SCRIPTS};
use crate::store::scripts::{TABLE, up};
use crate::store::{Fault, Place, StoreError};
use sqlx::migrate::Migrate;
use sqlx::{PgConnection, Row};

/// The last migration that made the same schema everywhere.
const COMMON: i64 = 5;

/// The migration that made the table of sessions.
const SESSIONS: i64 = 3;

/// Whether golang-migrate has been here; a table of this name that looks different is somebody else's.
const WAS_HERE: &str = "
    SELECT count(*) = 2 FROM pg_attribute
    WHERE attrelid = to_regclass('schema_migrations')
      AND (attname, atttypid) IN (('version', 'bigint'::regtype), ('dirty', 'boolean'::regtype))";

/// No row before the first migration.
const WHERE_IT_STANDS: &str = "SELECT version, dirty FROM schema_migrations";

/// Their tokens stand there in clear. Whoever was logged in logs in again.
const END_SESSIONS: &str = "DELETE FROM sessions";

/// Notes the migrations that the tables are at as applied, and returns their numbers: none, if nobody was here before
/// us. The codes in clear go with the migration that hashes them.
pub(super) async fn adopt(connection: &mut PgConnection, place: &Place) -> Result<Vec<i64>, StoreError> {
    let Some((version, dirty)) = found(connection).await.map_err(explain(place))? else {
        return Ok(Vec::new());
    };
    if dirty {
        return Err(StoreError::new(place, Fault::AdoptionDirty(version)));
    }
    if !(1..=COMMON).contains(&version) {
        return Err(StoreError::new(place, Fault::AdoptionUnknown(version)));
    }
    let mut applied = Vec::new();
    for script in SCRIPTS.0.iter().filter(|script| script.version <= version) {
        let noted = connection.skip(TABLE, &up(script)).await;
        noted.map_err(|error| migrate::explain(place, error))?;
        applied.push(script.version);
    }
    if version >= SESSIONS {
        sqlx::query(END_SESSIONS).execute(connection).await.map_err(explain(place))?;
    }
    Ok(applied)
}

async fn found(connection: &mut PgConnection) -> Result<Option<(i64, bool)>, sqlx::Error> {
    let was_here: bool = sqlx::query_scalar(WAS_HERE).fetch_one(&mut *connection).await?;
    if !was_here {
        return Ok(None);
    }
    let row = sqlx::query(WHERE_IT_STANDS).fetch_optional(connection).await?;
    row.map(|row| Ok((row.try_get("version")?, row.try_get("dirty")?))).transpose()
}
