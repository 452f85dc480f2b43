//! Kills at every point between a request and the end of its task.

use crate::knobs::number;
use crate::place;
use crate::table::{Row, Table};
use crate::trial::{self, Outcome, Scene, Victim};
use futures_util::{StreamExt, stream};
use std::time::Duration;

/// Trials at the same time: most of their time they wait for disks and clocks.
const AT_ONCE: usize = 4;
/// How soon a killed process's tasks are done by the next one.
const RECOVERED: Duration = Duration::from_secs(15);

const SCENES: [Scene; 8] = [
    scene("anywhere", None, Victim::Bank),
    scene("before the commit", Some("create_user.before_commit"), Victim::Bank),
    scene("after the commit", Some("create_user.after_commit"), Victim::Bank),
    scene("after the commit, nobody to pick it up", Some("create_user.after_commit"), Victim::Server),
    scene("at the start of the handler", Some("send_verify_email.start"), Victim::Bank),
    scene("in the handler, before the mail", Some("send_verify_email.before_send"), Victim::Bank),
    scene("in the handler, after the mail", Some("send_verify_email.after_send"), Victim::Bank),
    scene("between the mail and the settle", Some("send_verify_email.before_settle"), Victim::Bank),
];

const fn scene(name: &'static str, point: Option<&'static str>, victim: Victim) -> Scene {
    Scene { name, point, hit: None, victim }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_kill_loses_a_mail_or_sends_one_to_nobody_or_makes_two_codes() {
    let runs = number("KILL_RUNS").unwrap_or(crate::KILLS);
    let first_seed = number("KILL_SEED").unwrap_or_else(rand::random);
    println!("on {}: KILL_RUNS={runs} KILL_SEED={first_seed}", place::DATABASE);
    let trials = SCENES.iter().flat_map(|scene| (0..runs).map(|run| (*scene, first_seed.wrapping_add(run))));
    // Tasks of their own, so that one trial's work on files does not hold up the others.
    let trials = trials.map(|(scene, seed)| async move { tokio::spawn(run(scene, seed)).await.unwrap() });
    let outcomes: Vec<Outcome> = stream::iter(trials).buffered(AT_ONCE).collect().await;

    let runs = usize::try_from(runs).unwrap();
    let scenes = SCENES.iter().zip(outcomes.chunks(runs));
    let rows: Vec<Row> = scenes.map(|(scene, outcomes)| Row::of(scene.name, outcomes)).collect();
    println!("{}", Table(&rows));
    for Outcome { findings, complaint, recovery, story } in &outcomes {
        assert_eq!((findings.faults(), complaint), (0, &None), "{findings:?}: {story}");
        assert!(*recovery < RECOVERED, "recovery took {recovery:?}: {story}");
    }
    let untouched = rows.iter().filter(|row| row.name.contains("nobody to pick it up"));
    assert_eq!(untouched.map(|row| row.sum.duplicates).sum::<usize>(), 0, "nobody was at a mail");
    let killed_after_the_mail = rows.iter().filter(|row| row.name.contains("after the mail"));
    assert!(killed_after_the_mail.map(|row| row.sum.duplicates).sum::<usize>() > 0, "copies are noticed");
}

async fn run(scene: Scene, seed: u64) -> Outcome {
    trial::run(&place::home(), scene, seed).await
}
