//! The short form of `cargo xtask chaos`: the whole bank under a plan of faults, and an audit that must find nothing.

use aftercommit_chaos::{FleetKind, Outcome, Report, Setup, Watcher, run};
use std::path::Path;
use std::time::Duration;

/// Sign-ups and faults, over all fleets.
const TASKS: usize = 2000;
const FAULTS: usize = 30;
/// What must at least have happened of the faults: a process may not come to a sync point in time.
const STRUCK: u64 = 20;
const SPAN: Duration = Duration::from_secs(30);

/// All fleets at the same time: most of it they wait for clocks.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_done_without_need_while_everything_fails() {
    let seed = rand::random();
    println!("cargo xtask chaos --seed {seed} --tasks {TASKS} --faults {FAULTS} --minutes 1");
    let fleets = FleetKind::ALL.len();
    let setup = |kind| Setup {
        kind,
        seed,
        tasks: TASKS / fleets,
        faults: FAULTS / fleets,
        span: SPAN,
        settings: Vec::new(),
    };
    let trial = async |kind| {
        let binary = Path::new(env!("CARGO_BIN_EXE_simplebank"));
        run(setup(kind), binary, &Watcher::Log).await.expect("the fleet starts and its stores can be read")
    };
    let outcomes: Vec<Outcome> = futures_util::future::join_all(FleetKind::ALL.map(trial)).await;
    let report = Report(&outcomes).to_string();
    println!("{report}");
    assert!(outcomes.iter().all(Outcome::is_clean), "{report}");
    assert!(outcomes.iter().map(Outcome::faults).sum::<u64>() >= STRUCK, "{report}");
}
