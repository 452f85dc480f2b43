//! The relay as it is to be, and what becomes of a task when one of its rules is left out.

use super::{Calls, Marker, Order, Outbox};
use crate::explorer::explore;
use crate::report::Finding;

const SOUND: Outbox = Outbox {
    marker: Marker::AfterMarkOfOwnClaim,
    calls: Calls::EndWithTheirClaim,
    order: Order::PublishThenMark,
    stalls: 2,
};

#[test]
fn a_committed_row_is_published_once_whoever_dies() {
    explore("relay", &SOUND).is_sound();
}

#[test]
fn without_a_marker_a_relay_that_dies_before_the_mark_has_the_task_run_twice() {
    let model = Outbox { marker: Marker::Never, stalls: 0, ..SOUND };
    explore("relay without a marker", &model).shows(
        Finding::Duplicated,
        &[
            "A claims the row",
            "A sends the task",
            "A dies, and its call arrives",
            "the claim ends",
            "B claims the row",
            "B sends the task",
            "a worker runs the task, which is gone then",
            "B's call is answered",
            "a worker runs the task, which is gone then",
        ],
    );
}

#[test]
fn a_marker_that_is_dropped_before_the_mark_protects_nothing() {
    let model = Outbox { marker: Marker::BeforeMark, stalls: 0, ..SOUND };
    explore("relay that drops its marker first", &model).shows(
        Finding::Duplicated,
        &[
            "A claims the row",
            "A sends the task",
            "A's call is answered",
            "A drops the marker",
            "A dies",
            "the claim ends",
            "B claims the row",
            "B sends the task",
            "a worker runs the task, which is gone then",
            "B's call is answered",
            "a worker runs the task, which is gone then",
        ],
    );
}

#[test]
fn a_relay_that_marks_late_must_not_drop_the_marker_under_its_successor() {
    let model = Outbox { marker: Marker::AfterMark, ..SOUND };
    explore("relay that drops any marker", &model).shows(
        Finding::Duplicated,
        &[
            "A claims the row",
            "A sends the task",
            "A's call is answered",
            "the relay stands still until the claim ends",
            "B claims the row",
            "B sends the task",
            "A marks the row",
            "A drops the marker",
            "a worker runs the task, which is gone then",
            "B's call is answered",
            "a worker runs the task, which is gone then",
        ],
    );
}

#[test]
fn a_row_that_is_deleted_before_it_is_published_is_lost_with_its_relay() {
    let model = Outbox { order: Order::MarkThenPublish, ..SOUND };
    explore("relay that marks first", &model).shows(Finding::Lost, &["A claims the row", "A dies"]);
}

#[test]
fn a_call_that_arrives_after_the_marker_was_dropped_has_the_task_run_twice() {
    let model = Outbox { calls: Calls::MayBeLate, ..SOUND };
    explore("relay with late calls", &model).shows(
        Finding::Duplicated,
        &[
            "A claims the row",
            "A sends the task",
            "A waits for the call no longer",
            "A sends the task",
            "A's call is answered",
            "A marks the row",
            "A drops the marker",
            "a worker runs the task, which is gone then",
            "the late call arrives",
            "a worker runs the task, which is gone then",
        ],
    );
}

#[test]
fn late_calls_do_no_harm_where_a_marker_is_left_if_in_doubt() {
    let model = Outbox { calls: Calls::MayBeLate, marker: Marker::AfterMarkWithoutDoubt, ..SOUND };
    explore("relay with late calls that leaves markers", &model).is_sound();
}
