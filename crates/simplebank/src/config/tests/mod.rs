//! The configuration as a whole: which source wins, and what is said about what is wrong.

mod delivery;
mod redis;
mod rules;

use super::*;
use proptest::prelude::*;
use std::time::Duration;

const KEY: &str = "9f86d081884c7d659a2feaa0c55ad015";

/// Loads with a file `app.env`; `None` is no file.
fn load_with(args: &[&str], environment: &[(&str, &str)], file: Option<&str>) -> Result<Config, Refusal> {
    let args = ["simplebank"].iter().chain(args).map(OsString::from);
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
    load(args, environment, |path| match file {
        Some(text) if path == Path::new("app.env") => Ok(text.to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    })
}

fn good(args: &[&str], environment: &[(&str, &str)], file: &str) -> Config {
    load_with(args, environment, Some(file)).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn faults(args: &[&str], environment: &[(&str, &str)], file: &str) -> Vec<String> {
    let refusal = load_with(args, environment, Some(file)).expect_err("a fault");
    assert_eq!(refusal.exit_code(), 2, "{refusal}");
    refusal.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn nothing_given_is_a_whole_configuration() {
    let config = load_with(&[], &[], None).unwrap();
    assert_eq!(config.role, Role::All);
    assert_eq!(config.environment, Environment::Development);
    assert_eq!(config.store.source, crate::store::Source::Sqlite("./simplebank.db".into()));
    assert_eq!(config.server.http, "[::]:8080".parse().unwrap());
    assert_eq!(config.server.public_base_url.to_string(), "http://localhost:8080");
    assert_eq!(config.mail.destination, crate::mail::Destination::Directory("./mail".into()));
    assert_eq!(config.mail.verify_email_duration, Duration::from_secs(900));
    assert_eq!(config.tokens, Tokens { current: None, previous: vec![] });
    assert_eq!(config.passwords, Cost::default());
    assert_eq!(config.tasks.queues, [("critical".to_owned(), 10), ("default".to_owned(), 5)]);
    assert_eq!((config.tasks.max_retry, config.tasks.process_in), (10, Duration::ZERO));
    assert_eq!(config.tasks.retry_delay, RetryDelay::Asynq);
    assert_eq!(config.tasks.lease, Duration::from_secs(30));
    assert_eq!(config.log, Log { level: tracing::Level::INFO, task_payloads: TaskPayloads::Shown });
    assert_eq!(config.notices, Vec::<String>::new());
}

#[test]
fn flag_wins_over_environment_over_file_over_default() {
    let retries =
        |args: &[&str], environment: &[(&str, &str)], file| good(args, environment, file).tasks.max_retry;
    let (flag, variable, file) = (["--task-max-retry", "1"], [("TASK_MAX_RETRY", "2")], "TASK_MAX_RETRY=3");
    assert_eq!(retries(&flag, &variable, file), 1);
    assert_eq!(retries(&[], &variable, file), 2);
    assert_eq!(retries(&[], &[], file), 3);
    assert_eq!(retries(&[], &[], ""), 10);
    assert_eq!(retries(&[], &[("TASK_MAX_RETRY", "")], file), 10, "an empty value takes the default back");
}

#[test]
fn flags_stand_before_or_after_the_role() {
    for args in [
        &["--task-queue", "q", "migrate", "up"][..],
        &["migrate", "--task-queue=q", "up"],
        &["migrate", "up", "--task-queue", "q"],
    ] {
        let config = good(args, &[], "");
        assert_eq!(
            (config.role, config.tasks.queue.as_str()),
            (Role::Migrate(Migrate::Up { steps: ALL }), "q"),
            "{args:?}"
        );
    }
    for (words, steps) in [(&["down"][..], 1), (&["down", "3"], 3), (&["down", "all"], usize::MAX)] {
        let config = good(&[&["migrate"], words].concat(), &[], "");
        assert_eq!(config.role, Role::Migrate(Migrate::Down { steps }));
    }
    let one = good(&["migrate", "up", "1"], &[], "").role;
    assert_eq!(one, Role::Migrate(Migrate::Up { steps: 1 }));
    for (word, role) in [("all", Role::All), ("serve", Role::Serve), ("worker", Role::Worker)] {
        assert_eq!(good(&[word], &[], "").role, role);
    }
}

#[test]
fn everything_wrong_is_reported_at_once_with_its_place() {
    let file = "TASK_MAX_RETRY=ten\nHTTP_SERVER_ADRESS=x\n\nnonsense\nTASK_QUEUE=a\nTASK_QUEUE=b\n";
    let environment = [("VERIFY_EMAIL_DURATION", "15 minutes"), ("LOG_LEVEL", "loud")];
    let args = ["--task-concurency", "4", "--email-url", "smtp://u:hunter2@", "--shutdown-timeout=-1s"];
    let expected = [
        "--task-concurency (command line): unknown, did you mean --task-concurrency?",
        "line (app.env:4): expected KEY=value",
        "HTTP_SERVER_ADRESS (app.env:2): unknown key, did you mean HTTP_SERVER_ADDRESS?",
        "TASK_QUEUE (app.env:6): given already in line 5",
        "SHUTDOWN_TIMEOUT (flag --shutdown-timeout): expected a duration from 100ms to 10m, such as 15m or 1h30m, \
         got \"-1s\"",
        "EMAIL_URL (flag --email-url): expected smtp://user:password@host:port, with '@', ':' and '/' in user or \
         password written as %40, %3A and %2F",
        "VERIFY_EMAIL_DURATION (environment): expected a duration from 1s to 720h, such as 15m or 1h30m, got \
         \"15 minutes\"",
        "TASK_MAX_RETRY (app.env:1): expected a whole number from 0 to 1000, got \"ten\"",
        "LOG_LEVEL (environment): expected error, warn, info, debug or trace, got \"loud\"",
    ];
    assert_eq!(faults(&args, &environment, file), expected);
}

#[test]
fn secrets_never_show_in_faults_or_debug_output() {
    let given = "s3cr3t,hunter2";
    for key in keys().filter(|key| key.secrecy == Secrecy::Secret) {
        if let Err(refusal) = load_with(&[], &[(key.name, given)], None) {
            assert!(!format!("{refusal} {refusal:?}").contains("hunter2"), "{refusal}");
        }
    }
    let environment = [
        ("EMAIL_URL", "smtp://u:hunter2@h"),
        ("TOKEN_SYMMETRIC_KEY", KEY),
        ("EMAIL_SENDER_PASSWORD", "swordfish"),
    ];
    let shown = format!("{:?}", good(&[], &environment, &format!("TOKEN_PREVIOUS_KEYS={KEY}")));
    assert!(
        !["hunter2", KEY, "swordfish", "159, 134"].iter().any(|secret| shown.contains(secret)),
        "{shown}"
    );
}

#[test]
fn misplaced_arguments_are_named_but_not_repeated() {
    let line = |args: &[&str]| faults(args, &[], "").join("\n");
    let cases = [
        (&["--db-sorce=sqlite:hunter2"][..], "--db-sorce (command line): unknown, did you mean --db-source?"),
        (&["--db-sorce", "hunter2"], "--db-sorce (command line): unknown, did you mean --db-source?"),
        (&["--hunted", "hunter2"], "--hunted (command line): unknown, see --help"),
        (&["--rate-limits", "off"], "--rate-limits (command line): not in this release"),
        (&["-x"], "-x (command line): unknown, see --help"),
        (
            &["hunter2"],
            "role (command line): expected all, serve, worker, relay, audit, or migrate with up, down or status",
        ),
        (&["workr"], "role (command line): unknown, did you mean worker?"),
        (&["migrate"], "migrate (command line): expected up, down or status"),
        (
            &["migrate", "hunter2"],
            "role (command line): expected all, serve, worker, relay, audit, or migrate with up, down or status",
        ),
        (&["migrate", "down", "hunter2"], "migrate (command line): expected how many, or all"),
        (&["migrate", "down", "0"], "migrate (command line): expected how many, or all"),
        (&["serve", "hunter2"], "arguments (command line): more than expected, see --help"),
        (&["--task-queue"], "--task-queue (command line): expected a value"),
        (&["--task-queue", "a", "--task-queue", "b"], "--task-queue (command line): given more than once"),
    ];
    for (args, expected) in cases {
        assert_eq!(line(args), expected, "{args:?}");
    }
}

#[test]
fn unknown_flag_does_not_hide_other_faults() {
    let found = faults(&["--no-such", "serve", "--x=1", "--task-max-retry", "-1"], &[], "");
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[2].starts_with("TASK_MAX_RETRY (flag --task-max-retry)"), "{found:#?}");
}

#[test]
fn help_and_version_are_told_and_are_no_fault() {
    for args in [["--help"], ["--version"]] {
        let refusal = load_with(&args, &[], Some("NONSENSE=1")).unwrap_err();
        assert!(matches!(&refusal, Refusal::Told(text) if text.contains("simplebank")), "{refusal}");
        assert_eq!(refusal.exit_code(), 0);
    }
    let help = load_with(&["--help"], &[], None).unwrap_err().to_string();
    assert!(keys().all(|key| help.contains(&format!("--{} ", key.flag()))), "{help}");
}

#[test]
fn file_that_is_named_must_be_there() {
    let found = faults(&["--config", "other.env", "--log-level=x"], &[], "");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("other.env (flag --config): cannot be read: "), "{found:#?}");
    let refusal = load([], [], |_| Err(io::Error::from(io::ErrorKind::PermissionDenied))).unwrap_err();
    assert_eq!(refusal.to_string(), "app.env (not set): cannot be read: permission denied\n");
}

#[test]
fn text_that_is_not_utf8_is_a_fault() {
    use std::os::unix::ffi::OsStringExt;
    let broken = || OsString::from_vec(b"\xff".to_vec());
    let empty = |_: &Path| Ok(String::new());
    let refusal = load(["simplebank".into()], [("DB_SOURCE".into(), broken())], empty).unwrap_err();
    assert_eq!(refusal.to_string(), "DB_SOURCE (environment): expected text in UTF-8\n");
    let refusal = load(["simplebank".into(), "--db-source".into(), broken()], [], empty).unwrap_err();
    assert_eq!(refusal.to_string(), "arguments (command line): expected text in UTF-8\n");
    assert!(load(["simplebank".into()], [("OTHER".into(), broken())], empty).is_ok());
}

proptest! {
    #[test]
    fn no_input_makes_it_panic(
        args in prop::collection::vec("(--)?[a-z=-]{0,12}|\\PC{0,12}", 0..5),
        value in "\\PC{0,40}",
        file in "([A-Z_]{0,12}[= '\"\\\\$#{\n]{0,3}\\PC{0,8}\n){0,6}",
    ) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let environment: Vec<_> = keys().map(|key| (key.name, value.as_str())).filter(|_| !value.contains('\0')).collect();
        if let Err(refusal) = load_with(&args, &environment, Some(&file)) {
            prop_assert!(!refusal.to_string().trim().is_empty());
        }
    }
}
