//! Cases about what is in the batches of ripe groups.

use aftercommit_core::{GroupRules, State};

use super::Stage;
use super::group_steps::{AT_ONCE, GRACE, HOLD, QUIET, RulesExt, add, gather, gather_one, ids_of, sizes};
use super::task::{TaskExt, queue, task};

area!(conformance_of_gather, gather:
    a_full_group_gives_several_batches_and_keeps_the_rest,
    a_ripe_group_gives_all_it_has_in_batches_of_the_size,
    a_batch_has_its_tasks_as_they_were_written_and_as_they_were_added,
    a_batch_is_held_until_its_deadline,
    a_gathered_task_is_not_gathered_again,
    what_is_added_to_a_gathered_group_waits_for_the_next_batch,
    no_more_batches_than_the_limit_and_the_next_at_once,
    only_the_named_queues_are_gathered,
    a_paused_queue_is_gathered_all_the_same,
    no_two_batches_have_the_same_name,
    a_batch_has_no_more_than_the_library_allows,
    many_aggregators_never_get_the_same_task,
);

async fn a_full_group_gives_several_batches_and_keeps_the_rest(s: Stage) {
    add(&s, "q", "g", ["a", "b", "c", "d", "e"]).await;
    let ripe = s.after(GRACE);
    let gathered = gather(&s, &["q"], &QUIET.max_size(2), 10).await;
    assert_eq!(gathered.batches.iter().map(ids_of).collect::<Vec<_>>(), [["a", "b"], ["c", "d"]]);
    assert_eq!(gathered.next_at, Some(ripe), "the rest waits for its time");
    assert_eq!(sizes(&s, "q").await, [("g".into(), 1)]);
}

async fn a_ripe_group_gives_all_it_has_in_batches_of_the_size(s: Stage) {
    add(&s, "q", "g", ["a", "b", "c", "d", "e"]).await;
    s.pass(GRACE).await;
    let gathered = gather(&s, &["q"], &QUIET.max_size(2), 10).await;
    let batches: Vec<_> = gathered.batches.iter().map(ids_of).collect();
    assert_eq!(batches, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
    assert_eq!((gathered.next_at, sizes(&s, "q").await), (None, Vec::new()));
}

async fn a_batch_has_its_tasks_as_they_were_written_and_as_they_were_added(s: Stage) {
    let new = |id: &str| {
        task("q", id).of("g").with(|message| {
            message.payload = id.to_owned().into();
            message.headers = [("k".into(), id.to_owned())].into();
        })
    };
    let written: Vec<_> = ["z", "m", "a"].into_iter().map(new).collect();
    for task in &written {
        assert_eq!(s.enqueue(task.clone()).await, Ok(()));
    }
    let batch = gather_one(&s, "q").await;
    let messages: Vec<_> = written.into_iter().map(|task| task.message).collect();
    assert_eq!(batch.tasks, messages);
    assert_eq!((batch.key.queue.as_str(), batch.key.group.as_str()), ("q", "g"));
}

async fn a_batch_is_held_until_its_deadline(s: Stage) {
    add(&s, "q", "g", ["a"]).await;
    let batch = gather_one(&s, "q").await;
    assert_eq!(batch.deadline, s.after(HOLD));
    assert_eq!(s.state("q", "a").await, Some(State::Aggregating));
    assert_eq!(sizes(&s, "q").await, [], "nothing waits");
    assert_eq!(super::group_steps::waiting(&s, "q", "g").await, [""; 0]);
    assert_eq!(s.listed("q", State::Aggregating).await, ["a"], "but it is there");
}

async fn a_gathered_task_is_not_gathered_again(s: Stage) {
    add(&s, "q", "g", ["a"]).await;
    gather_one(&s, "q").await;
    s.pass(HOLD * 2).await;
    let gathered = gather(&s, &["q"], &AT_ONCE, 10).await;
    assert_eq!((gathered.batches, gathered.next_at), (Vec::new(), None), "until it is put back");
}

async fn what_is_added_to_a_gathered_group_waits_for_the_next_batch(s: Stage) {
    add(&s, "q", "g", ["a"]).await;
    let first = gather_one(&s, "q").await;
    add(&s, "q", "g", ["b"]).await;
    assert_eq!(s.listed("q", State::Aggregating).await, ["a", "b"]);
    assert_eq!(sizes(&s, "q").await, [("g".into(), 1)]);
    let second = gather_one(&s, "q").await;
    assert_eq!((ids_of(&first), ids_of(&second)), (vec!["a".into()], vec!["b".into()]));
}

async fn no_more_batches_than_the_limit_and_the_next_at_once(s: Stage) {
    for name in ["g", "h", "i"] {
        add(&s, "q", name, ["1", "2"].map(|id| format!("{name}{id}"))).await;
    }
    s.pass(GRACE).await;
    let rules = QUIET.max_size(1);
    let mut seen = Vec::new();
    for wanted in [4, 2] {
        let gathered = gather(&s, &["q"], &rules, 4).await;
        assert_eq!(gathered.batches.len(), wanted);
        let left = gathered.next_at.is_some_and(|next| next <= s.now());
        assert_eq!(left, wanted == 4, "{:?}", gathered.next_at);
        seen.extend(gathered.batches.iter().flat_map(ids_of));
    }
    seen.sort();
    assert_eq!(seen, ["g1", "g2", "h1", "h2", "i1", "i2"]);
}

async fn only_the_named_queues_are_gathered(s: Stage) {
    for name in ["q", "r", "t"] {
        add(&s, name, "g", ["a"]).await;
    }
    let batches = gather(&s, &["r", "t"], &AT_ONCE, 10).await.batches;
    let mut queues: Vec<_> = batches.iter().map(|batch| batch.key.queue.as_str()).collect();
    queues.sort_unstable();
    assert_eq!(queues, ["r", "t"]);
    assert_eq!(sizes(&s, "q").await, [("g".into(), 1)]);
}

async fn a_paused_queue_is_gathered_all_the_same(s: Stage) {
    add(&s, "q", "g", ["a"]).await;
    s.backend().pause(&queue("q")).await.expect("pause");
    assert_eq!(ids_of(&gather_one(&s, "q").await), ["a"]);
}

async fn no_two_batches_have_the_same_name(s: Stage) {
    add(&s, "q", "g", ["a"]).await;
    let mut keys = Vec::new();
    for _ in 0..5 {
        let batch = gather_one(&s, "q").await;
        assert!(!keys.contains(&batch.key), "{:?}", batch.key);
        s.groups().release(&batch.key).await.expect("release");
        keys.push(batch.key);
    }
}

async fn a_batch_has_no_more_than_the_library_allows(s: Stage) {
    let ids: Vec<String> = (0..GroupRules::MAX_BATCH + 5).map(|i| format!("{i:05}")).collect();
    for chunk in ids.chunks(1_000) {
        add(&s, "q", "g", chunk).await;
    }
    let gathered = gather(&s, &["q"], &QUIET.max_size(usize::MAX), 1).await;
    assert_eq!(gathered.batches.len(), 1, "a full batch need not wait for more");
    assert_eq!(gathered.batches[0].tasks.len(), GroupRules::MAX_BATCH);
    assert_eq!(gathered.next_at, Some(s.after(GRACE)), "the rest waits for its time");
    s.pass(GRACE).await;
    let rest = gather(&s, &["q"], &QUIET, 1).await;
    assert_eq!(ids_of(&rest.batches[0]), ids[GroupRules::MAX_BATCH..]);
    assert_eq!(rest.next_at, None);
}

async fn many_aggregators_never_get_the_same_task(s: Stage) {
    let ids: Vec<String> = (0..200).map(|i| format!("{i:03}")).collect();
    add(&s, "q", "g", &ids).await;
    let aggregator = || {
        let backend = s.shared();
        tokio::spawn(async move {
            let groups = backend.groups().expect("the back-end collects groups");
            let mut got = Vec::new();
            loop {
                let gathered = groups.gather(&[queue("q")], &AT_ONCE.max_size(7), 2).await.expect("gather");
                if gathered.batches.is_empty() {
                    return got;
                }
                got.extend(gathered.batches.iter().flat_map(ids_of));
            }
        })
    };
    let mut got = Vec::new();
    for aggregator in [(); 4].map(|()| aggregator()) {
        got.extend(aggregator.await.expect("no aggregator fails"));
    }
    got.sort();
    assert_eq!(got, ids);
}
