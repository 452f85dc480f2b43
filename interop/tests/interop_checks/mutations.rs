//! Checks 4 and 5, what is changed: one side writes, the other changes one task or all of a state, and the writer's worker
//! honours it. The same matrix for both directions.

use std::collections::{BTreeMap, BTreeSet};

use aftercommit::{Action, GroupName, Inspector, Operation, Removal, RemoveQueue, Selection, TaskState};
use aftercommit_interop::effects::{self, Moment};
use aftercommit_interop::{GoInspector, Request, Task};

use crate::changes::{Change, GROUP, TASKS, all, changes, one, task_id};
use crate::ground::{Ground, Raw, hasty, id, queue};
use crate::report;
use crate::state::Side;

#[tokio::test]
async fn what_go_changes_we_honour() {
    let changes = changed_by(Side::Go).await;
    report::passed(
        "4",
        "Go changes Rust's state",
        changes,
        "as Go says, ours agrees, and our worker runs what was run",
    );
}

#[tokio::test]
async fn what_we_change_go_honours() {
    let changes = changed_by(Side::Rust).await;
    report::passed(
        "5",
        "Rust changes Go's state",
        changes,
        "as ours says, Go agrees, and Go's worker runs what was run",
    );
}

/// Makes every change, and says how many there were.
async fn changed_by(side: Side) -> usize {
    let (ground, writer, changes) = (Ground::new(), side.other(), changes());
    let raw = ground.raw(0);
    let tasks: Vec<Task> = changes.iter().flat_map(Change::tasks).collect();
    writer.enqueue(&ground, &tasks).await;
    // What has to have run before runs now; the rest has its time after the changes.
    let ran: Vec<String> = changes.iter().filter(|change| change.has_run()).map(Change::queue).collect();
    let all: Vec<String> = changes.iter().map(Change::queue).collect();
    let worker = writer.worker(&ground, &hasty(ran.iter().map(String::as_str))).await;
    raw.drained(&ran).await;
    worker.stop().await.unwrap();

    let mut both =
        Inspectors { ours: ground.inspector(0), go: GoInspector::start(&ground.redis(0)).await.unwrap() };
    for change in &changes {
        both.make(side, change).await;
        both.agree(&raw, change).await;
    }
    let worker = writer.worker(&ground, &hasty(all.iter().map(String::as_str))).await;
    raw.drained(&all).await;
    worker.stop().await.unwrap();
    let runs = runs(&ground);
    for change in &changes {
        for id in TASKS {
            let expected = expected_runs(change, id);
            let found = runs.get(&task_id(change, id)).copied().unwrap_or(0);
            assert_eq!(found, expected, "{change:?} {id}");
        }
    }
    both.remove_all(side, &all).await;
    nothing_but_the_known_is_left(&raw, side).await;
    changes.len() + 1
}

/// How often a task has run in the end.
fn expected_runs(change: &Change, id: &str) -> usize {
    let changed = change.changed().contains(&id);
    let before = usize::from(change.has_run());
    let waited = usize::from(change.state == TaskState::Pending && !changed);
    before + waited + usize::from(changed && change.operation == Operation::Run)
}

/// Executions by task.
fn runs(ground: &Ground) -> BTreeMap<String, usize> {
    let mut runs = BTreeMap::new();
    for effect in effects::read(&ground.effects("effects")).unwrap() {
        if effect.moment == Moment::Start {
            *runs.entry(effect.id).or_default() += 1;
        }
    }
    runs
}

/// The two.
struct Inspectors {
    ours: Inspector,
    go: GoInspector,
}

impl Inspectors {
    async fn make(&mut self, side: Side, change: &Change) {
        let name = change.queue();
        match (side, change.all) {
            (Side::Rust, false) => {
                let task = id(&task_id(change, TASKS[1]));
                let action = self.ours.operate(&queue(&name), &task, change.operation).await.unwrap();
                assert_eq!(action, Action::Applied, "{change:?}");
                let again = self.ours.operate(&queue(&name), &task, change.operation).await.unwrap();
                assert_ne!(again, Action::Applied, "{change:?}");
            }
            (Side::Rust, true) => {
                let selection = match change.state {
                    TaskState::Aggregating => Selection::Group(GroupName::new(GROUP).unwrap()),
                    state => Selection::State(state),
                };
                let done =
                    self.ours.operate_on_all(&queue(&name), &selection, change.operation).await.unwrap();
                assert_eq!(done, 3, "{change:?}");
            }
            (Side::Go, false) => {
                let task = task_id(change, TASKS[1]);
                self.go.ask::<()>(one(change.operation, &name, &task)).await.unwrap();
                let again = self.go.ask::<()>(one(change.operation, &name, &task)).await.unwrap_err();
                let refusal = if change.operation == Operation::Delete {
                    "task_not_found"
                } else {
                    "failed_precondition"
                };
                assert_eq!(again.name(), Some(refusal), "{change:?}");
            }
            (Side::Go, true) => {
                assert_eq!(self.go.ask::<u32>(all(change, &name)).await.unwrap(), 3, "{change:?}");
            }
        }
    }

    /// Both see what was changed, and what was not.
    async fn agree(&mut self, raw: &Raw, change: &Change) {
        let name = change.queue();
        for place in TASKS {
            let task = task_id(change, place);
            let expected =
                if change.changed().contains(&place) { change.outcome() } else { change.state.as_str() };
            let mine = self.ours.get(&queue(&name), &id(&task)).await.unwrap();
            let theirs = self.go.task(&name, &task).await.unwrap();
            assert_eq!(mine.map_or("", |task| task.state.as_str()), expected, "{change:?} {place}");
            assert_eq!(theirs.map_or(String::new(), |task| task.state), expected, "{change:?} {place}");
            assert_eq!(raw.state(&name, &task).await, expected);
        }
        let (mine, theirs) =
            (self.ours.queue(&queue(&name)).await.unwrap().unwrap(), self.go.queue(&name).await.unwrap());
        crate::same::queue(&mine, &theirs);
    }

    /// Deletes every queue with what is in it.
    async fn remove_all(&mut self, side: Side, names: &[String]) {
        for name in names {
            match side {
                Side::Rust => {
                    let removed = self.ours.remove(&queue(name), RemoveQueue::WithTasks).await.unwrap();
                    assert_eq!(removed, Removal::Removed, "{name}");
                }
                Side::Go => {
                    self.go.ask::<()>(Request::DeleteQueue { queue: name, force: true }).await.unwrap()
                }
            }
            assert!(self.ours.queue(&queue(name)).await.unwrap().is_none());
            assert_eq!(self.go.queue(name).await.unwrap_err().name(), Some("not_found"));
        }
    }
}

/// What is left when Go has deleted queues: completed and grouped tasks with their locks, and counters, as of its own
/// queues; and of ours the workers, and due times that fall away when they have passed.
const LEFT_BY_GO: [&str; 9] =
    ["completed", "failed", "g", "groups", "processed", "t", "unique", "x:due", "x:owners"];

/// Fails if more is left after all queues are deleted: ours leaves nothing.
async fn nothing_but_the_known_is_left(raw: &Raw, side: Side) {
    let keys = raw.text(&["KEYS", "*"]).await.into_list("look").unwrap();
    let mut left = BTreeSet::new();
    for key in keys {
        let key = String::from_utf8(key.into_bytes("look").unwrap().unwrap().into()).unwrap();
        let rest = key.split_once("}:").map_or(&*key, |(_, rest)| rest);
        let words = if rest.starts_with("x:") { 2 } else { 1 };
        left.insert(rest.split(':').take(words).collect::<Vec<_>>().join(":"));
    }
    let known = if side == Side::Go { LEFT_BY_GO.map(str::to_owned).into() } else { BTreeSet::new() };
    assert_eq!(left, known);
}
