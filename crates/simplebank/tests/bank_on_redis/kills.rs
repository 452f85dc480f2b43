//! The bank is killed at every point between a request and the end of its task, with the relay and Redis in between.

use crate::home::Home;
use crate::knobs::number;
use crate::on_redis::lasting_redis;
use crate::place;
use crate::table::{Row, Table};
use crate::trial::{self, Outcome, Scene, Victim};
use futures_util::{StreamExt, stream};
use std::time::Duration;

/// Trials of each scene, unless the environment's `KILL_RUNS` says otherwise. Few: each waits out a claim or a
/// worker's presence.
const RUNS: u64 = 3;
/// Trials at the same time: most of their time they wait for clocks.
const AT_ONCE: usize = 6;
/// How soon a killed process's tasks are done by the next one: a dead relay's claim ends after 10 s, a dead worker is
/// noticed soon after that.
const RECOVERED: Duration = Duration::from_secs(15);

const SCENES: [Scene; 10] = [
    scene("anywhere", None, Victim::Bank),
    scene("before the commit", Some("create_user.before_commit"), Victim::Bank),
    scene("after the commit", Some("create_user.after_commit"), Victim::Server),
    batch("after the claim, before the publish", "relay.claimed"),
    batch("after the publish, before the mark", "relay.published"),
    batch("after the mark", "relay.marked"),
    scene("at the start of the handler", Some("send_verify_email.start"), Victim::Bank),
    scene("in the handler, before the mail", Some("send_verify_email.before_send"), Victim::Bank),
    scene("in the handler, after the mail", Some("send_verify_email.after_send"), Victim::Bank),
    scene("between the mail and the settle", Some("send_verify_email.before_settle"), Victim::Bank),
];

const fn scene(name: &'static str, point: Option<&'static str>, victim: Victim) -> Scene {
    Scene { name, point, hit: None, victim }
}

/// A point that is hit for a batch, however large it is.
const fn batch(name: &'static str, point: &'static str) -> Scene {
    Scene { name, point: Some(point), hit: Some(1), victim: Victim::Bank }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_kill_loses_a_mail_or_sends_one_to_nobody_or_makes_two_codes() {
    let runs = number("KILL_RUNS").unwrap_or(RUNS);
    let first_seed = number("KILL_SEED").unwrap_or_else(rand::random);
    println!("on {} and Redis: KILL_RUNS={runs} KILL_SEED={first_seed}", place::DATABASE);
    let trials = SCENES.iter().flat_map(|scene| (0..runs).map(|run| (*scene, first_seed.wrapping_add(run))));
    let trials = trials.map(|(scene, seed)| async move { tokio::spawn(run(scene, seed)).await.unwrap() });
    let outcomes: Vec<Outcome> = stream::iter(trials).buffered(AT_ONCE).collect().await;

    let runs = usize::try_from(runs).unwrap();
    let rows: Vec<Row> =
        SCENES.iter().zip(outcomes.chunks(runs)).map(|(scene, of)| Row::of(scene.name, of)).collect();
    println!("{}", Table(&rows));
    for Outcome { findings, complaint, recovery, story } in &outcomes {
        assert_eq!((findings.faults(), complaint), (0, &None), "{findings:?}: {story}");
        assert!(*recovery < RECOVERED, "recovery took {recovery:?}: {story}");
    }
    let recognised = outcomes.iter().filter(|outcome| outcome.story.contains("had been published before"));
    assert!(
        recognised.count() >= runs,
        "a relay that died before the mark left what the next one recognised"
    );
    let copies = |part: &str| -> usize {
        rows.iter().filter(|row| row.name.contains(part)).map(|row| row.sum.duplicates).sum()
    };
    assert!(copies("after the mail") > 0, "copies are noticed");
    assert_eq!(copies("before the publish"), 0, "nobody was at a mail");
}

async fn run(scene: Scene, seed: u64) -> Outcome {
    let redis = lasting_redis();
    trial::run(&Home::on(&redis), scene, seed).await
}
