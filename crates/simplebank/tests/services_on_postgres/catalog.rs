//! The schema of a database, read from Postgres' own catalogue, and as SQL that makes it again. Says nothing that
//! depends on the server's version or on the order in which things were made.

use sqlx::postgres::{PgPool, PgRow};
use sqlx::{AssertSqlSafe, Row};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A table of the bank's.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) comment: Option<String>,
    pub(crate) columns: Vec<Column>,
    pub(crate) constraints: Vec<Constraint>,
    /// What makes each index that no constraint has made.
    pub(crate) indexes: Vec<String>,
}

/// A column of a table.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// As one would declare it: `bigserial` and not a sequence.
    pub(crate) kind: String,
    pub(crate) nullable: bool,
    pub(crate) default: Option<String>,
    pub(crate) comment: Option<String>,
}

/// A rule of a table.
#[derive(Debug)]
pub(crate) struct Constraint {
    pub(crate) name: String,
    pub(crate) definition: String,
    /// For a foreign key: its columns, and the table they lead to.
    pub(crate) reference: Option<(Vec<String>, String)>,
}

/// What a migrator notes, ours or golang-migrate's, is no part of the schema.
const NOT_OURS: &str = "'_simplebank_migrations', 'schema_migrations'";

/// All tables, by name.
pub(crate) async fn tables(pool: &PgPool) -> BTreeMap<String, Table> {
    let mut tables = BTreeMap::<String, Table>::new();
    for row in rows(pool, "relname::text AS table, obj_description(oid) AS comment", "", "oid").await {
        tables.entry(row.get("table")).or_default().comment = row.get("comment");
    }
    let columns = "relname::text AS table, attname::text AS name, NOT attnotnull AS nullable,
        format_type(atttypid, atttypmod) AS kind, pg_get_expr(adbin, adrelid) AS default,
        pg_get_serial_sequence(quote_ident(relname), attname) IS NOT NULL AS serial,
        col_description(pg_class.oid, attnum) AS comment";
    let from = "JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum";
    for row in rows(pool, columns, from, "attnum").await {
        tables.entry(row.get("table")).or_default().columns.push(column(&row));
    }
    let columns = "relname::text AS table, conname::text AS name,
        pg_get_constraintdef(pg_constraint.oid) AS definition,
        CASE contype WHEN 'f' THEN confrelid::regclass::text END AS target,
        (SELECT array_agg(attname::text ORDER BY ord) FROM unnest(conkey) WITH ORDINALITY AS k (num, ord)
         JOIN pg_attribute ON attrelid = conrelid AND attnum = num) AS columns";
    let from = "JOIN pg_constraint ON conrelid = pg_class.oid AND contype IN ('p', 'u', 'f', 'c')";
    for row in rows(pool, columns, from, "conname").await {
        let target: Option<String> = row.get("target");
        tables.entry(row.get("table")).or_default().constraints.push(Constraint {
            name: row.get("name"),
            definition: row.get("definition"),
            reference: target.map(|target| (row.get("columns"), target)),
        });
    }
    let columns = "relname::text AS table, pg_get_indexdef(indexrelid) AS definition";
    let from = "JOIN pg_index ON indrelid = pg_class.oid AND NOT EXISTS
        (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))";
    for row in rows(pool, columns, from, "definition").await {
        let definition: String = row.get("definition");
        tables.entry(row.get("table")).or_default().indexes.push(definition.replace(" ON public.", " ON "));
    }
    tables
}

/// What a query finds about the bank's tables, in an order that does not change.
async fn rows(pool: &PgPool, columns: &str, from: &str, order: &str) -> Vec<PgRow> {
    let sql = format!(
        "SELECT {columns} FROM pg_class {from}
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT IN ({NOT_OURS})
         ORDER BY relname, {order}"
    );
    sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await.expect("the catalogue")
}

fn column(row: &PgRow) -> Column {
    let (kind, serial): (String, bool) = (row.get("kind"), row.get("serial"));
    let default: Option<String> = row.get("default");
    Column {
        name: row.get("name"),
        kind: if serial { kind.replace("bigint", "bigserial") } else { kind },
        nullable: row.get("nullable"),
        default: default.filter(|_| !serial),
        comment: row.get("comment"),
    }
}

/// SQL that makes the schema.
pub(crate) async fn schema(pool: &PgPool) -> String {
    let tables = tables(pool).await;
    let mut sql = String::new();
    for (name, table) in &tables {
        write_table(&mut sql, name, table);
    }
    for (name, table) in &tables {
        for rule in table.constraints.iter().filter(|rule| rule.reference.is_some()) {
            line(&mut sql, &format!("ALTER TABLE {name} ADD CONSTRAINT {} {};", rule.name, rule.definition));
        }
    }
    for table in tables.values() {
        table.indexes.iter().for_each(|index| line(&mut sql, &format!("{index};")));
    }
    for (name, table) in &tables {
        let columns = table.columns.iter();
        let comments = columns.filter_map(|column| Some((column, column.comment.as_ref()?)));
        if let Some(comment) = &table.comment {
            line(&mut sql, &format!("COMMENT ON TABLE {name} IS '{}';", quoted(comment)));
        }
        for (column, comment) in comments {
            line(&mut sql, &format!("COMMENT ON COLUMN {name}.{} IS '{}';", column.name, quoted(comment)));
        }
    }
    sql
}

fn write_table(sql: &mut String, name: &str, table: &Table) {
    let columns = table.columns.iter().map(|column| {
        let default =
            column.default.as_ref().map(|default| format!(" DEFAULT {default}")).unwrap_or_default();
        let null = if column.nullable { "" } else { " NOT NULL" };
        format!("    {} {}{default}{null}", column.name, column.kind)
    });
    let own = table.constraints.iter().filter(|rule| rule.reference.is_none());
    let rules = own.map(|rule| format!("    CONSTRAINT {} {}", rule.name, rule.definition));
    let parts: Vec<String> = columns.chain(rules).collect();
    line(sql, &format!("CREATE TABLE {name} (\n{}\n);\n", parts.join(",\n")));
}

fn line(sql: &mut String, text: &str) {
    writeln!(sql, "{text}").expect("a string takes all text");
}

fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}
