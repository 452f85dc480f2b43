//! Tests of the database itself: that every statement fits the schema, that the schema can be reached and left
//! again, and what it refuses whatever the program does.

mod migrations;
mod statements;
mod tables;
