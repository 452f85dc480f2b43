//! What the SQL functions refuse, and whom they serve.

use sqlx::AssertSqlSafe;

use crate::kit::Kit;

const FUNCTIONS: [&str; 2] = ["enqueue", "enqueue_outbox"];

#[tokio::test]
async fn arguments_that_cannot_be_used_are_named() {
    let kit = Kit::new().await;
    let long = format!("'t', '{{}}', id => '{}'", "x".repeat(256));
    let many =
        "'t', '{}', headers => (SELECT jsonb_object_agg(n::text, '') FROM generate_series(1, 65) AS n)";
    for (arguments, said) in [
        ("'', '{}'", "invalid task type: it is blank"),
        ("NULL, '{}'", "invalid task type: it is blank"),
        ("E'a\\u0007', '{}'", "invalid task type: it contains a control character"),
        ("'t', NULL", "invalid payload: it is NULL"),
        ("'t', '{}', queue => E'\\u2003 '", "invalid queue name: it is blank"),
        ("'t', '{}', queue => E'q\\u0085q'", "invalid queue name: it contains a control character"),
        ("'t', '{}', id => ' '", "invalid task id: it is blank"),
        (&long, "invalid task id: it is longer than 255 bytes"),
        ("'t', '{}', group_name => ''", "invalid group name: it is blank"),
        ("'t', '{}', max_retry => -1", "invalid max_retry: it is negative"),
        ("'t', '{}', timeout => '0'", "invalid timeout: it is zero"),
        ("'t', '{}', timeout => '-1 s'", "invalid timeout: it is negative"),
        ("'t', '{}', deadline => 'infinity'", "invalid deadline: it has no end"),
        ("'t', '{}', process_in => '-1 s'", "invalid process_in: it is negative"),
        ("'t', '{}', process_at => '-infinity'", "invalid process_at: it has no end"),
        ("'t', '{}', process_in => '1 s', process_at => now()", "process_in and process_at are both given"),
        ("'t', '{}', unique_for => '999 ms'", "invalid unique_for: it must hold for at least one second"),
        ("'t', '{}', retention => '-1 s'", "invalid retention: it is negative"),
        ("'t', '{}', headers => '[]'", "invalid headers: they are no object"),
        ("'t', '{}', headers => '{\"a\": 1}'", "invalid headers: a value is no string"),
        (many, "invalid headers: there are more than 64"),
        ("'t', '{}', on_conflict => 'update'", "invalid on_conflict: it is neither 'error' nor 'ignore'"),
    ] {
        for function in FUNCTIONS {
            let call = AssertSqlSafe(format!("SELECT aftercommit.{function}({arguments})"));
            let refused = sqlx::query(call).execute(&kit.pool).await.expect_err(arguments);
            let refused = refused.into_database_error().expect("Postgres says so");
            assert!(refused.message().contains(said), "{arguments}: {refused}");
            assert_eq!(refused.code().as_deref(), Some("22023"), "{arguments}");
        }
    }
    for table in ["SELECT count(*) FROM aftercommit.tasks", "SELECT count(*) FROM aftercommit.outbox"] {
        assert_eq!(kit.number(table).await, 0);
    }
    // NULL is as good as nothing.
    let null = "queue => NULL, max_retry => NULL, headers => NULL, on_conflict => NULL";
    kit.psql(&format!("SELECT aftercommit.enqueue('t', 'null', {null})")).expect("it is stored");
}

#[tokio::test]
async fn a_producer_needs_the_schema_and_the_function_and_gets_no_more() {
    let kit = Kit::new().await;
    let role = format!("producer_{}", std::process::id());
    let as_producer = |sql: &str| kit.psql(&format!("SET ROLE {role}; {sql}"));
    kit.psql(&format!("CREATE ROLE {role}")).expect("a new role");
    let call = "SELECT aftercommit.enqueue('t', '{}', id => 'a', unique_for => '1 h')";
    as_producer(call).expect_err("it may not use the schema");
    kit.psql(&format!("GRANT USAGE ON SCHEMA aftercommit TO {role}")).expect("it works");
    let refused = as_producer(call).expect_err("it may not call the function");
    assert!(refused.contains("permission denied for function enqueue"), "{refused}");
    kit.psql(&format!("GRANT EXECUTE ON FUNCTION aftercommit.enqueue TO {role}")).expect("it works");
    assert_eq!(as_producer(call).as_deref(), Ok("a"));
    for beyond in [
        "SELECT count(*) FROM aftercommit.tasks",
        "DELETE FROM aftercommit.tasks",
        "SELECT aftercommit.enqueue_outbox('t', '{}')",
        "SELECT aftercommit.store_tasks('{q}', '{i}', '{t}', '{NULL}', '{NULL}', '{NULL}', '{\"\"}')",
    ] {
        let refused = as_producer(beyond).expect_err(beyond);
        assert!(refused.contains("permission denied"), "{beyond}: {refused}");
    }
    // What it puts in the way is not looked at.
    as_producer(
        "CREATE TEMP TABLE tasks (id text); CREATE FUNCTION pg_temp.coalesce_(text) RETURNS text LANGUAGE sql AS
         $$ SELECT 'stolen' $$; SET search_path = pg_temp, pg_catalog; SELECT aftercommit.enqueue('t', '{}')",
    )
    .expect("it works");
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.tasks").await, 2);
    kit.psql(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).expect("it goes");
}
