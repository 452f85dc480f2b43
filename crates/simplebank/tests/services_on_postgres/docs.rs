//! `docs/db` says what the database looks like: made from a migrated one, and compared with it. With `UPDATE_DB_DOCS=1`
//! the pages are written instead (`make db_docs`, `make db_schema`).

use crate::catalog::{self, Table};
use crate::database::Database;
use simplebank::store::migrate;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const SCHEMA_HEAD: &str = "-- The schema of the bank's data on PostgreSQL, as the migrations make it. Written by `make db_schema`.\n\n";

const PAGE_HEAD: &str = "# The bank's data\n\n\
    The tables of the bank on PostgreSQL, as the migrations make them (written by `make db_docs`; the same as SQL:\n\
    [schema.sql](schema.sql)). On SQLite they are the same but for the types: times are microseconds since 1970, and\n\
    `users` has no `shares_mailbox`, which is for databases that are taken over. The task queue and the outbox have\n\
    tables of their own in the schema `aftercommit`.\n";

#[tokio::test]
async fn the_schema_stands_in_the_documentation_and_can_be_loaded_from_there() {
    let database = migrated().await;
    let schema = format!("{SCHEMA_HEAD}{}", catalog::schema(database.pool()).await);
    check("schema.sql", &schema);

    let copy = Database::new().await;
    copy.run(&schema).await.unwrap();
    assert_eq!(copy.schema().await, database.schema().await);
}

#[tokio::test]
async fn every_table_stands_in_the_documentation() {
    let tables = catalog::tables(migrated().await.pool()).await;
    for (name, table) in &tables {
        assert!(table.comment.is_some(), "{name} has no comment");
    }
    check("README.md", &page(&tables));
}

async fn migrated() -> Database {
    let database = Database::new().await;
    migrate::up(database.source()).await.unwrap();
    database
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever changes a migration says so by a variable of cargo test"
)]
fn check(name: &str, made: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../docs/db", name].iter().collect();
    if std::env::var_os("UPDATE_DB_DOCS").is_some() {
        return write(&path, made);
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == made, "docs/db/{name} is stale: `make db_docs` and `make db_schema` write it anew");
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a directory")).unwrap();
    std::fs::write(path, text).unwrap();
}

fn page(tables: &BTreeMap<String, Table>) -> String {
    let mut page = PAGE_HEAD.to_owned();
    line(&mut page, "\n```mermaid\nerDiagram");
    for (name, table) in tables {
        for (columns, target) in table.constraints.iter().filter_map(|rule| rule.reference.as_ref()) {
            line(&mut page, &format!("    {target} ||--o{{ {name} : \"{}\"", columns.join(", ")));
        }
    }
    for (name, table) in tables {
        line(&mut page, &format!("    {name} {{"));
        for column in &table.columns {
            let kind = short(&column.kind).replace(' ', "_");
            line(&mut page, &format!("        {kind} {}{}", column.name, key(table, &column.name)));
        }
        line(&mut page, "    }");
    }
    line(&mut page, "```");
    for (name, table) in tables {
        section(&mut page, name, table);
    }
    page
}

fn section(page: &mut String, name: &str, table: &Table) {
    line(page, &format!("\n## {name}\n"));
    if let Some(comment) = &table.comment {
        line(page, &format!("{comment}\n"));
    }
    line(page, "| column | type | null | default | meaning |\n|---|---|---|---|---|");
    for column in &table.columns {
        let null = if column.nullable { "yes" } else { "" };
        let default = column.default.as_ref().map(|default| format!("`{default}`")).unwrap_or_default();
        let comment = column.comment.as_deref().unwrap_or_default();
        let (kind, column) = (short(&column.kind), &column.name);
        line(page, &format!("| `{column}` | {kind} | {null} | {default} | {comment} |"));
    }
    line(page, "\n| rule | |\n|---|---|");
    for rule in &table.constraints {
        line(page, &format!("| `{}` | `{}` |", rule.name, rule.definition.replace('|', "\\|")));
    }
    if !table.indexes.is_empty() {
        line(page, "\n```sql");
        table.indexes.iter().for_each(|index| line(page, &format!("{index};")));
        line(page, "```");
    }
}

/// What the diagram says of a column besides its type.
fn key(table: &Table, column: &str) -> &'static str {
    let is_in = |rule: &catalog::Constraint| {
        let (_, columns) = rule.definition.split_once('(').unwrap_or_default();
        columns.trim_end_matches(')').split(", ").any(|name| name == column)
    };
    let primary =
        table.constraints.iter().any(|rule| rule.definition.starts_with("PRIMARY KEY") && is_in(rule));
    let foreign = table
        .constraints
        .iter()
        .filter_map(|rule| rule.reference.as_ref())
        .any(|(columns, _)| columns.iter().any(|name| name == column));
    match (primary, foreign) {
        (true, true) => " PK, FK",
        (true, false) => " PK",
        (false, true) => " FK",
        (false, false) => "",
    }
}

/// The names that people use.
fn short(kind: &str) -> &str {
    match kind {
        "character varying" => "varchar",
        "timestamp with time zone" => "timestamptz",
        kind => kind,
    }
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("a string takes all text");
}
