//! Cases about listing tasks: the order of each state, and pages.

use aftercommit_core::{Page, State};

use super::Stage;
use super::stage::STATES;
use super::task::{LEASE, RETURNED, SECOND, TaskExt, archive, complete, queue, retry, task};

area!(conformance_of_list, list:
    pending_tasks_are_listed_as_they_will_run,
    scheduled_tasks_are_listed_by_due_time,
    tasks_in_retry_are_listed_by_due_time,
    active_tasks_are_listed_oldest_first_however_long_their_leases,
    archived_tasks_are_listed_oldest_first,
    completed_tasks_are_listed_oldest_first,
    a_page_starts_and_ends_where_it_should,
    pages_put_together_are_the_whole_list,
    a_page_beyond_the_end_is_empty,
    a_list_says_the_same_as_a_look_at_the_task,
    a_state_lists_only_its_own_tasks,
    an_unknown_queue_lists_nothing,
    an_unknown_task_is_none,
);

async fn pending_tasks_are_listed_as_they_will_run(s: Stage) {
    s.put("q", ["a", "b", "c"]).await;
    assert_eq!(s.enqueue(task("q", "due").at(s.now())).await, Ok(()));
    let leased = s.take_one("q").await;
    assert_eq!(s.forward("q").await, 1);
    s.put("q", ["d"]).await;
    assert_eq!(s.settle(&leased, RETURNED).await, Ok(()));
    assert_eq!(s.listed("q", State::Pending).await, ["a", "b", "c", "due", "d"]);
    let taken = s.take("q", 5).await;
    assert_eq!(super::task::ids(&taken), ["a", "b", "c", "due", "d"]);
}

async fn scheduled_tasks_are_listed_by_due_time(s: Stage) {
    for (name, seconds) in [("c", 30), ("a", 10), ("b", 20)] {
        assert_eq!(s.enqueue(task("q", name).at(s.after(SECOND * seconds))).await, Ok(()));
    }
    assert_eq!(s.listed("q", State::Scheduled).await, ["a", "b", "c"]);
}

async fn tasks_in_retry_are_listed_by_due_time(s: Stage) {
    s.put("q", ["c", "a", "b"]).await;
    for (leased, seconds) in s.take("q", 3).await.iter().zip([30, 10, 20]) {
        assert_eq!(s.settle(leased, retry(s.after(SECOND * seconds))).await, Ok(()));
    }
    assert_eq!(s.listed("q", State::Retry).await, ["a", "b", "c"]);
}

async fn active_tasks_are_listed_oldest_first_however_long_their_leases(s: Stage) {
    s.put("q", ["a", "b", "c"]).await;
    let mut leases = Vec::new();
    for _ in 0..3 {
        leases.push(s.take_one("q").await.lease);
        s.pass(SECOND).await;
    }
    assert!(s.extend(&leases[..1], LEASE * 9).await[0].is_ok());
    assert_eq!(s.listed("q", State::Active).await, ["a", "b", "c"]);
}

async fn archived_tasks_are_listed_oldest_first(s: Stage) {
    s.put("q", ["c", "a", "b"]).await;
    let taken = s.take("q", 3).await;
    for leased in [&taken[1], &taken[2], &taken[0]] {
        assert_eq!(s.settle(leased, archive()).await, Ok(()));
        s.pass(SECOND).await;
    }
    assert_eq!(s.listed("q", State::Archived).await, ["a", "b", "c"]);
}

async fn completed_tasks_are_listed_oldest_first(s: Stage) {
    s.put("q", ["c", "a", "b"]).await;
    let taken = s.take("q", 3).await;
    for leased in [&taken[1], &taken[2], &taken[0]] {
        assert_eq!(s.settle(leased, complete(SECOND * 90)).await, Ok(()));
        s.pass(SECOND).await;
    }
    assert_eq!(s.listed("q", State::Completed).await, ["a", "b", "c"]);
}

async fn page(s: &Stage, state: State, offset: usize, limit: usize) -> Vec<String> {
    let page = s.backend().list(&queue("q"), &state.into(), Page { offset, limit }).await.expect("list");
    page.iter().map(|info| info.message.id.to_string()).collect()
}

async fn a_page_starts_and_ends_where_it_should(s: Stage) {
    s.put("q", (0..10).map(|i| i.to_string())).await;
    assert_eq!(page(&s, State::Pending, 0, 3).await, ["0", "1", "2"]);
    assert_eq!(page(&s, State::Pending, 3, 3).await, ["3", "4", "5"]);
    assert_eq!(page(&s, State::Pending, 8, 5).await, ["8", "9"]);
    assert_eq!(page(&s, State::Pending, 0, 0).await, [""; 0]);
}

async fn pages_put_together_are_the_whole_list(s: Stage) {
    for state in STATES {
        let name = state.as_str();
        for i in 0..7 {
            s.bring(name, &i.to_string(), state).await;
            s.pass(SECOND).await;
        }
        let mut together = Vec::new();
        for offset in (0..8).step_by(3) {
            let page =
                s.backend().list(&queue(name), &state.into(), Page { offset, limit: 3 }).await.expect("list");
            together.extend(page);
        }
        assert_eq!(together.len(), 7);
        assert_eq!(together, s.list(name, state).await, "{state}");
    }
}

async fn a_page_beyond_the_end_is_empty(s: Stage) {
    s.put("q", ["a"]).await;
    assert_eq!(page(&s, State::Pending, 1, 10).await, [""; 0]);
    assert_eq!(page(&s, State::Pending, 1_000_000, 10).await, [""; 0]);
}

async fn a_list_says_the_same_as_a_look_at_the_task(s: Stage) {
    for state in STATES {
        s.bring(state.as_str(), "a", state).await;
        let listed = s.list(state.as_str(), state).await;
        assert_eq!(listed, [s.info(state.as_str(), "a").await], "{state}");
    }
}

async fn a_state_lists_only_its_own_tasks(s: Stage) {
    for state in STATES.into_iter().rev() {
        s.bring("q", state.as_str(), state).await;
    }
    for state in STATES {
        assert_eq!(s.listed("q", state).await, [state.as_str()]);
    }
    assert_eq!(s.list("q", State::Aggregating).await, []);
}

async fn an_unknown_queue_lists_nothing(s: Stage) {
    for state in STATES {
        assert_eq!(s.list("nowhere", state).await, []);
    }
    assert_eq!(s.backend().queues().await.expect("queues"), []);
}

async fn an_unknown_task_is_none(s: Stage) {
    s.put("q", ["a"]).await;
    assert_eq!(s.find("q", "b").await, None);
    assert_eq!(s.find("nowhere", "a").await, None);
}
