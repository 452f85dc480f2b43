//! A fail-point in a process of its own: installed once, and killed where the plan says so.

use simplebank::failpoint;
use simplebank::failpoint::{PlanError, install};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

const SIGKILL: i32 = 9;

/// Runs `process_hits_three_points` in another process, under a plan.
fn run(plan: &str) -> std::process::Output {
    let program = std::env::current_exe().expect("a test knows its own program");
    Command::new(program)
        .args(["--exact", "process_hits_three_points", "--nocapture"])
        .env("FAILPOINTS", plan)
        .output()
        .expect("the program of this test can be started")
}

#[tokio::test]
async fn process_hits_three_points() {
    #[expect(clippy::disallowed_methods, reason = "this test is the binary of the process it runs in")]
    let plan = std::env::var("FAILPOINTS").ok();
    install(plan.as_deref()).expect("a good plan");
    assert_eq!(install(None), Err(PlanError::Installed));
    for hit in 1..=3 {
        let hit_here = failpoint!("create_user.before_commit").await;
        println!("hit {hit}: {hit_here:?}");
    }
}

#[test]
fn killed_process_gets_no_further() {
    let output = run("create_user.before_commit=kill@2");
    assert_eq!(output.status.signal(), Some(SIGKILL), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("hit 1: Ok(())") && !printed.contains("hit 2"), "{printed}");
}

#[test]
fn errors_come_as_often_as_planned() {
    let output = run("create_user.before_commit=2*error(no)");
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("hit 2: Err(") && printed.contains("hit 3: Ok(())"), "{printed}");
}
