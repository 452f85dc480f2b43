//! Tests of the SQL of SQLite: that every statement fits the schema, and that the schema can be
//! reached and left again.

mod migrations;
mod statements;
