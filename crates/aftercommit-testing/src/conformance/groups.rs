//! Cases about tasks that wait in groups: how they get there, how they are shown, and who is told.

use std::time::Duration;

use aftercommit_core::{Page, Refusal, Selection, State, Wake};
use futures_util::StreamExt;

use super::Stage;
use super::group_steps::{
    AT_ONCE, GRACE, HOLD, QUIET, RulesExt, add, counted, gather, gather_one, ids_of, sizes, waiting,
};
use super::task::{SECOND, TaskExt, group, queue, task};
use super::wakes::ARRIVAL;

area!(conformance_of_groups, groups:
    a_task_of_a_group_waits_in_it_and_is_not_given_to_workers,
    a_task_of_a_group_reads_back_as_it_was_written,
    groups_are_listed_by_name_with_their_sizes,
    an_unknown_queue_has_no_groups,
    the_same_group_name_in_another_queue_is_another_group,
    a_group_lists_its_tasks_as_they_were_added,
    aggregating_tasks_are_listed_group_by_group,
    a_group_is_listed_in_pages,
    aggregating_tasks_and_groups_are_counted,
    names_of_groups_may_have_any_characters,
    an_id_is_taken_by_a_task_that_waits_in_a_group,
    a_unique_lock_is_held_by_a_task_that_waits_in_a_group,
    a_task_that_joins_a_group_wakes_those_who_wait_for_groups,
    a_group_does_not_disturb_those_who_wait_for_pending_tasks,
);

async fn a_task_of_a_group_waits_in_it_and_is_not_given_to_workers(s: Stage) {
    add(&s, "q", "g", ["a"]).await;
    assert_eq!(s.state("q", "a").await, Some(State::Aggregating));
    assert_eq!(s.take("q", 10).await, []);
    s.pass(GRACE * 10).await;
    assert_eq!(s.forward("q").await, 0);
    assert_eq!(s.take("q", 10).await, [], "time alone changes nothing");
}

async fn a_task_of_a_group_reads_back_as_it_was_written(s: Stage) {
    let new = task("q", "a").of("g").with(|message| {
        message.headers = [("k".into(), "v".into())].into();
        message.retention = SECOND * 60;
        message.payload = vec![0, 255, 10].into();
    });
    assert_eq!(s.enqueue(new.clone()).await, Ok(()));
    let info = s.info("q", "a").await;
    assert_eq!(info.message, new.message);
    assert_eq!((info.next_process_at, info.lease, info.worker, info.ended_at), (None, None, None, None));
}

async fn groups_are_listed_by_name_with_their_sizes(s: Stage) {
    add(&s, "q", "m", ["1", "2"]).await;
    add(&s, "q", "é", ["3"]).await;
    add(&s, "q", "a", ["4", "5", "6"]).await;
    s.put("q", ["7"]).await;
    assert_eq!(sizes(&s, "q").await, [("a".into(), 3), ("m".into(), 2), ("é".into(), 1)]);
}

async fn an_unknown_queue_has_no_groups(s: Stage) {
    assert_eq!(sizes(&s, "nowhere").await, []);
    assert_eq!(waiting(&s, "nowhere", "g").await, [""; 0]);
    s.put("q", ["a"]).await;
    assert_eq!(sizes(&s, "q").await, []);
    assert_eq!(waiting(&s, "q", "g").await, [""; 0]);
}

async fn the_same_group_name_in_another_queue_is_another_group(s: Stage) {
    add(&s, "q", "g", ["a", "b"]).await;
    add(&s, "r", "g", ["a"]).await;
    assert_eq!(sizes(&s, "q").await, [("g".into(), 2)]);
    assert_eq!(sizes(&s, "r").await, [("g".into(), 1)]);
}

async fn a_group_lists_its_tasks_as_they_were_added(s: Stage) {
    add(&s, "q", "g", ["z", "m"]).await;
    add(&s, "q", "other", ["x"]).await;
    s.pass(Duration::from_millis(1)).await;
    add(&s, "q", "g", ["a", "k", "b"]).await;
    assert_eq!(waiting(&s, "q", "g").await, ["z", "m", "a", "k", "b"]);
}

async fn aggregating_tasks_are_listed_group_by_group(s: Stage) {
    for (i, name) in ["h", "g", "h", "g"].into_iter().enumerate() {
        add(&s, "q", name, [format!("{name}{i}")]).await;
        s.pass(SECOND).await;
    }
    assert_eq!(s.listed("q", State::Aggregating).await, ["g1", "g3", "h0", "h2"]);
    let batches = gather(&s, &["q"], &QUIET.max_size(1), 1).await.batches;
    let held = ids_of(&batches[0]).remove(0);
    assert_eq!(s.listed("q", State::Aggregating).await, ["g1", "g3", "h0", "h2"], "{held} is still there");
}

async fn a_group_is_listed_in_pages(s: Stage) {
    add(&s, "q", "g", (0..10).map(|i| i.to_string())).await;
    let mut together = Vec::new();
    for offset in (0..12).step_by(3) {
        let selection = Selection::Group(group("g"));
        let page = Page { offset, limit: 3 };
        let page = s.backend().list(&queue("q"), &selection, page).await.expect("list");
        together.extend(page.iter().map(|info| info.message.id.to_string()));
    }
    assert_eq!(together, waiting(&s, "q", "g").await);
    assert_eq!(together.len(), 10);
}

async fn aggregating_tasks_and_groups_are_counted(s: Stage) {
    s.put("q", ["plain"]).await;
    assert_eq!(counted(&s, "q").await, (0, 0));
    add(&s, "q", "g", ["a", "b"]).await;
    add(&s, "q", "h", ["c"]).await;
    assert_eq!(counted(&s, "q").await, (3, 2));
    let batch = gather(&s, &["q"], &AT_ONCE, 1).await.batches.remove(0);
    assert_eq!(counted(&s, "q").await, (3, 1), "a batch is counted, and its group no longer");
    s.groups().release(&batch.key).await.expect("release");
    assert_eq!(counted(&s, "q").await, (3, 2));
    assert_eq!(s.queue_info("q").await.counts.total(), 4);
}

async fn names_of_groups_may_have_any_characters(s: Stage) {
    let names = ["it's", "a:b", "a:b:c", "{x}", "☃ \"quoted\"", "%s_\\"];
    for name in names {
        add(&s, "q", name, [name]).await;
        assert_eq!(waiting(&s, "q", name).await, [name]);
    }
    let mut wanted = names.map(|name| (name.to_owned(), 1)).to_vec();
    wanted.sort();
    assert_eq!(sizes(&s, "q").await, wanted);
    let batches = gather(&s, &["q"], &AT_ONCE, 10).await.batches;
    assert!(batches.iter().all(|batch| ids_of(batch) == [batch.key.group.as_str()]), "{batches:?}");
    assert_eq!(batches.len(), names.len());
    for batch in batches {
        s.groups().release(&batch.key).await.expect("release");
    }
    assert_eq!(sizes(&s, "q").await, wanted);
}

async fn an_id_is_taken_by_a_task_that_waits_in_a_group(s: Stage) {
    add(&s, "q", "g", ["a"]).await;
    assert_eq!(s.enqueue(task("q", "a")).await, Err(Refusal::IdConflict));
    assert_eq!(s.enqueue(task("q", "a").of("h")).await, Err(Refusal::IdConflict));
    gather_one(&s, "q").await;
    assert_eq!(s.enqueue(task("q", "a")).await, Err(Refusal::IdConflict), "in a batch too");
}

async fn a_unique_lock_is_held_by_a_task_that_waits_in_a_group(s: Stage) {
    let unique = |id: &str| task("q", id).unique_for(SECOND * 60);
    assert_eq!(s.enqueue(unique("a").of("g")).await, Ok(()));
    assert_eq!(s.enqueue(unique("b").of("g")).await, Err(Refusal::Duplicate));
    assert_eq!(s.enqueue(unique("b")).await, Err(Refusal::Duplicate));
    gather_one(&s, "q").await;
    assert_eq!(s.enqueue(unique("b")).await, Err(Refusal::Duplicate), "in a batch too");
}

async fn a_task_that_joins_a_group_wakes_those_who_wait_for_groups(s: Stage) {
    let mut wakes = s.backend().wakes(Wake::Groups, &[queue("q")]);
    let mut woken = async || {
        let hint = tokio::time::timeout(ARRIVAL, wakes.next()).await;
        assert_eq!(hint.expect("a hint arrives"), Some(()));
    };
    add(&s, "q", "g", ["a"]).await;
    woken().await;
    let batch = gather_one(&s, "q").await;
    s.groups().release(&batch.key).await.expect("release");
    woken().await;
    gather_one(&s, "q").await;
    s.pass(HOLD).await;
    assert_eq!(s.groups().reclaim(&[queue("q")], 10).await.expect("reclaim"), 1);
    woken().await;
    assert_eq!(s.enqueue(task("q", "later").of("g").at(s.after(SECOND))).await, Ok(()));
    s.pass(SECOND).await;
    assert_eq!(s.forward("q").await, 1);
    woken().await;
}

async fn a_group_does_not_disturb_those_who_wait_for_pending_tasks(s: Stage) {
    let mut wakes = s.backend().wakes(Wake::Pending, &[queue("q")]);
    add(&s, "q", "g", (0..20).map(|i| i.to_string())).await;
    let mut hints = 0;
    while tokio::time::timeout(Duration::from_millis(300), wakes.next()).await.is_ok() {
        hints += 1;
        assert!(hints <= 3, "hints may be false, but not many");
    }
    assert_eq!(s.take("q", 1).await, []);
}
