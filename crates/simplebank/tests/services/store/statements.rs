//! Every SQL constant is prepared against the migrated schema: there are no query macros that would
//! check them when the program is built.

use crate::database::{Database, STATEMENTS};
use simplebank::store::migrate;

#[tokio::test]
async fn every_statement_prepares() {
    let database = Database::new().await;
    migrate::up(database.source()).await.unwrap();
    for (file, statements) in STATEMENTS {
        assert!(!statements.is_empty(), "{file}");
        for (name, sql) in *statements {
            let prepared = database.prepare(sql).await;
            assert!(prepared.is_ok(), "{file}::{name}: {:?}", prepared.err());
        }
    }
}
