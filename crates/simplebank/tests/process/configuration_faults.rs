//! A configuration that cannot be followed: a clear line for each fault, exit code 2, and nothing is touched.

use crate::home::Home;
use crate::process::Ended;

/// Runs the bank in a directory with this `app.env`, which must be all that is in there afterwards.
async fn refused(file: Option<&str>, arguments: &[&str], settings: &[(&str, &str)]) -> Ended {
    let home = Home::new();
    if let Some(text) = file {
        std::fs::write(home.path().join("app.env"), text).unwrap();
    }
    let ended = home.run(arguments, settings).ended().await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert_eq!(ended.stdout, [""; 0], "faults belong on standard error");
    let left = std::fs::read_dir(home.path()).unwrap().count();
    assert_eq!(left, usize::from(file.is_some()), "something was left behind");
    ended
}

#[tokio::test]
async fn unknown_key_in_the_file_is_named_with_its_line() {
    let ended = refused(Some("# the bank\nDB_SORUCE=x\n"), &[], &[]).await;
    assert_eq!(ended.stderr, ["DB_SORUCE (app.env:2): unknown key, did you mean DB_SOURCE?"]);
}

#[tokio::test]
async fn nonsense_duration_is_quoted_with_what_was_expected() {
    let ended = refused(None, &[], &[("SHUTDOWN_TIMEOUT", "5parsecs")]).await;
    let expected = "SHUTDOWN_TIMEOUT (environment): expected a duration from 100ms to 10m, such as 15m or 1h30m, \
                    got \"5parsecs\"";
    assert_eq!(ended.stderr, [expected]);
}

#[tokio::test]
async fn all_faults_are_told_at_once() {
    let file = "NOPE=1\nVERIFY_EMAIL_DURATION=soon\njust words\n";
    let settings = [("TASK_MAX_RETRY", "-1"), ("REDIS_ADDRESS", "http://0.0.0.0:6379")];
    let ended = refused(Some(file), &["--task-queues=critical", "--nope"], &settings).await;
    let mut places: Vec<&str> =
        ended.stderr.iter().map(|line| line.split_once("): ").expect("a place and a fault").0).collect();
    places.sort_unstable();
    assert_eq!(
        places,
        [
            "--nope (command line",
            "NOPE (app.env:1",
            "REDIS_ADDRESS (environment",
            "TASK_MAX_RETRY (environment",
            "TASK_QUEUES (flag --task-queues",
            "VERIFY_EMAIL_DURATION (app.env:2",
            "line (app.env:3",
        ]
    );
}

#[tokio::test]
async fn unknown_flags_and_roles_are_refused_with_a_suggestion() {
    for (arguments, said) in [
        (&["--db-surce=x"][..], "--db-surce (command line): unknown, did you mean --db-source?"),
        (&["--frobnicate"], "--frobnicate (command line): unknown, see --help"),
        (&["serv"], "role (command line): unknown, did you mean serve?"),
        (&["migrate"], "migrate (command line): expected up, down or status"),
        (&["--config", "other.env"], "other.env (flag --config): cannot be read: No such file or directory"),
    ] {
        let ended = refused(None, arguments, &[]).await;
        let [line] = &ended.stderr[..] else { panic!("{arguments:?}: expected one line: {ended:?}") };
        assert!(line.starts_with(said), "{arguments:?}: {line}");
    }
}

#[tokio::test]
async fn plan_for_fail_points_that_cannot_be_followed_is_refused() {
    let ended = refused(None, &[], &[("FAILPOINTS", "no_such_point=kill")]).await;
    let [line] = &ended.stderr[..] else { panic!("expected one line: {ended:?}") };
    // Whoever builds everything with all features has fail-points, which refuse an unknown one.
    let why =
        if cfg!(feature = "failpoints") { "no fail-point \"no_such_point\"" } else { "this build has no" };
    assert!(line.starts_with(&format!("simplebank: FAILPOINTS: {why}")), "{line}");
}

#[tokio::test]
async fn help_and_version_are_answers_and_no_faults() {
    let home = Home::new();
    for (argument, said) in [("--help", "--db-source"), ("--version", env!("CARGO_PKG_VERSION"))] {
        let ended = home.run(&[argument], &[]).ended().await;
        assert_eq!((ended.status.code(), &ended.stderr[..]), (Some(0), &[][..]), "{ended:?}");
        assert!(ended.stdout.join("\n").contains(said), "{ended:?}");
    }
}
