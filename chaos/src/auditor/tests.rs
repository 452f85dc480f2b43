//! The auditor on trial: one that never objects is worth nothing. Every kind of tampering must be found, and nothing
//! else with it.

use super::*;
use crate::effects::code_hash;

/// A run that went well, to be tampered with.
#[derive(Debug, Clone, Default)]
struct World {
    ledger: Ledger,
    books: Books,
    effects: Vec<Effect>,
    evidence: Vec<Evidence>,
}

/// Three users, each with one mail.
fn world() -> World {
    let mut world = World::default();
    for (number, name) in ["anna", "bert", "cora"].into_iter().enumerate() {
        world.ledger.attempted.insert(name.to_owned());
        world.ledger.acknowledged.insert(name.to_owned());
        world.books.users.insert(name.to_owned(), address_of(name));
        world.books.codes.insert(name.to_owned(), [code_hash(name)].into());
        world.effects.push(mail(name, "worker-1.1", 1000 * u64::try_from(number).unwrap()));
    }
    world.books.succeeded = 3;
    world
}

fn mail(name: &str, by: &str, at_ms: u64) -> Effect {
    let message_id = format!("<{name}@bank.example>");
    Effect { at_ms, by: by.to_owned(), to: address_of(name), message_id, code_hash: code_hash(name) }
}

impl World {
    fn judge(&self) -> Findings {
        let Self { ledger, books, effects, evidence } = self;
        judge(Case { ledger, books, effects, evidence })
    }

    /// The findings without their words, which must be there if something is wrong.
    fn numbers(&self) -> Findings {
        let found = self.judge();
        assert_eq!(found.faults() > 0, !found.words.is_empty(), "{found:?}");
        Findings { words: Vec::new(), ..found }
    }

    fn happened(&mut self, at_ms: u64, by: &str, sign: Sign) {
        self.evidence.push(Evidence { at_ms, by: by.to_owned(), sign });
    }
}

const CLEAN: Findings = Findings {
    attempted: 3,
    acknowledged: 3,
    committed: 3,
    ok: 3,
    lost: 0,
    unexpected: 0,
    duplicated_explained: 0,
    duplicated_unexplained: 0,
    recovered: 0,
    stale_accepted: 0,
    wrong_codes: 0,
    unanswered: 0,
    republished: 0,
    words: Vec::new(),
};

fn task() -> String {
    "0199".to_owned()
}

#[test]
fn run_that_went_well_is_clean() {
    assert_eq!(world().numbers(), CLEAN);
}

#[test]
fn user_without_a_mail_is_lost() {
    let mut world = world();
    world.effects.remove(1);
    assert_eq!(world.numbers(), Findings { ok: 2, lost: 1, ..CLEAN });
}

#[test]
fn user_without_a_mail_whose_task_is_not_done_is_lost_once() {
    for unfinished in [0, 1] {
        let mut world = world();
        world.effects.remove(1);
        (world.books.unfinished, world.books.succeeded) = (unfinished, 2);
        assert_eq!(world.numbers(), Findings { ok: 2, lost: 1, ..CLEAN });
    }
}

#[test]
fn acknowledged_user_who_is_none_is_lost_and_the_mail_is_unexpected() {
    let mut world = world();
    world.books.users.remove("bert");
    world.books.succeeded = 2;
    assert_eq!(world.numbers(), Findings { committed: 2, ok: 2, lost: 1, unexpected: 1, ..CLEAN });
}

#[test]
fn task_that_is_not_done_or_set_aside_is_lost() {
    for (unfinished, set_aside) in [(1, 0), (0, 1)] {
        let mut world = world();
        (world.books.unfinished, world.books.set_aside, world.books.succeeded) = (unfinished, set_aside, 2);
        assert_eq!(world.numbers(), Findings { lost: 1, ..CLEAN });
    }
}

#[test]
fn task_that_left_the_queue_without_a_settlement_is_lost() {
    let mut world = world();
    world.books.succeeded = 2;
    assert_eq!(world.numbers(), Findings { lost: 1, ..CLEAN });
}

#[test]
fn task_of_a_transaction_that_rolled_back_is_unexpected() {
    let mut world = world();
    world.ledger.attempted.insert("dora".to_owned());
    world.effects.push(mail("dora", "worker-1.1", 5000));
    assert_eq!(world.numbers(), Findings { attempted: 4, unexpected: 1, ..CLEAN });
}

#[test]
fn attempt_before_the_commit_is_unexpected_though_a_later_one_succeeded() {
    let mut world = world();
    world.happened(900, "worker-1.1", Sign::NoSuchUser { username: "bert".to_owned() });
    assert_eq!(world.numbers(), Findings { unexpected: 1, ..CLEAN });
}

#[test]
fn second_copy_without_a_reason_is_unexplained() {
    let mut world = world();
    world.effects.push(mail("bert", "worker-2.1", 5000));
    assert_eq!(world.numbers(), Findings { duplicated_unexplained: 1, ..CLEAN });
}

#[test]
fn second_copy_is_explained_by_what_happened_to_whoever_sent_the_first() {
    let failed = Sign::Failed { username: "bert".to_owned() };
    for sign in [
        Sign::Died,
        Sign::CutOff { count: 1 },
        Sign::PerhapsSettled { count: 1 },
        failed,
        Sign::LeaseLost { task: task() },
        Sign::NotSettled { task: task() },
    ] {
        let mut world = world();
        world.effects.push(mail("bert", "worker-2.1", 5000));
        world.happened(1100, "worker-1.1", sign.clone());
        world.happened(1200, "worker-2.1", Sign::Recovered { task: task() });
        assert_eq!(world.numbers(), Findings { duplicated_explained: 1, recovered: 1, ..CLEAN }, "{sign:?}");
    }
}

#[test]
fn second_copy_is_explained_if_it_was_sent_late_by_a_holder_who_had_lost_the_task() {
    let mut world = world();
    world.effects.push(mail("bert", "worker-2.1", 5000));
    world.happened(400, "worker-1.1", Sign::Recovered { task: task() });
    world.happened(4900, "worker-2.1", Sign::Thawed);
    let mut lost = world.clone();
    lost.happened(4990, "worker-2.1", Sign::LeaseLost { task: task() });
    assert_eq!(lost.numbers(), Findings { duplicated_explained: 1, recovered: 1, ..CLEAN });
    let mut died = world.clone();
    died.happened(5100, "worker-2.1", Sign::Died);
    assert_eq!(died.numbers(), Findings { duplicated_explained: 1, recovered: 1, ..CLEAN });
    assert_eq!(world.numbers().duplicated_unexplained, 1, "going on alone is no reason");
}

#[test]
fn second_copy_is_explained_if_the_first_was_on_its_way_when_its_sender_lost_the_task_or_died() {
    for sign in [Sign::LeaseLost { task: task() }, Sign::Died] {
        let mut world = world();
        world.effects.push(mail("bert", "worker-2.1", 5000));
        world.happened(700, "worker-2.1", Sign::Recovered { task: task() });
        world.happened(990, "worker-1.1", sign);
        assert_eq!(world.numbers(), Findings { duplicated_explained: 1, recovered: 1, ..CLEAN });
    }
}

#[test]
fn second_copy_is_not_explained_by_what_happened_elsewhere_or_at_another_time_or_to_another_task() {
    let late = 1000 + 60_000;
    let other = Sign::Failed { username: "anna".to_owned() };
    for (at_ms, by, sign) in [
        (1100, "worker-2.1", Sign::Died),
        (900, "worker-1.1", Sign::Failed { username: "bert".to_owned() }),
        (6000, "worker-1.1", Sign::Died),
        (late, "worker-1.1", Sign::LeaseLost { task: task() }),
        (1100, "worker-1.1", other),
        (1100, "redis", Sign::StoreFailed),
    ] {
        let mut world = world();
        world.effects.push(mail("bert", "worker-2.1", 5000));
        world.happened(at_ms, by, sign.clone());
        // Somebody took the task, so that its loss is nobody's fault.
        world.happened(at_ms, "worker-2.1", Sign::Recovered { task: task() });
        assert_eq!(world.numbers().duplicated_unexplained, 1, "{at_ms} {by} {sign:?}");
    }
}

#[test]
fn lost_lease_explains_one_copy_and_not_two() {
    let mut world = world();
    world.effects.extend([mail("anna", "worker-2.1", 5000), mail("bert", "worker-2.1", 5000)]);
    world.happened(4000, "worker-1.1", Sign::LeaseLost { task: task() });
    world.happened(3900, "worker-2.1", Sign::Recovered { task: task() });
    let found = world.numbers();
    assert_eq!((found.duplicated_explained, found.duplicated_unexplained), (1, 1));
}

#[test]
fn losses_are_matched_so_that_they_explain_as_many_copies_as_they_can() {
    let mut world = world();
    // The later loss can only be that of the later copy, though the earlier loss could be that of either.
    world.effects.extend([mail("anna", "worker-2.1", 30_000), mail("bert", "worker-2.1", 2000)]);
    world.happened(1500, "worker-1.1", Sign::LeaseLost { task: task() });
    world.happened(40_000, "worker-1.1", Sign::LeaseLost { task: "0200".to_owned() });
    world.happened(1400, "worker-2.1", Sign::Recovered { task: task() });
    world.happened(1400, "worker-2.1", Sign::Recovered { task: "0200".to_owned() });
    assert_eq!(world.numbers(), Findings { duplicated_explained: 2, recovered: 2, ..CLEAN });
}

#[test]
fn store_that_forgot_everything_explains_what_ran_again_and_counts_nothing() {
    let mut world = world();
    world.effects.push(mail("bert", "worker-2.1", 5000));
    world.books.succeeded = 1;
    world.happened(4000, "redis", Sign::StoreForgot);
    assert_eq!(world.numbers(), Findings { duplicated_explained: 1, ..CLEAN });
    world.effects.push(mail("bert", "worker-2.1", 6000));
    assert_eq!(world.numbers().duplicated_unexplained, 1, "it forgot nothing in between");
}

#[test]
fn task_that_was_settled_twice_is_a_stale_finish() {
    let mut world = world();
    world.books.succeeded = 4;
    assert_eq!(world.numbers(), Findings { stale_accepted: 1, ..CLEAN });
}

#[test]
fn holder_who_loses_a_task_that_nobody_took_was_robbed_by_a_stale_finish() {
    let mut world = world();
    world.happened(1000, "worker-2.1", Sign::Recovered { task: task() });
    world.happened(2000, "worker-1.1", Sign::LeaseLost { task: task() });
    assert_eq!(world.numbers(), Findings { recovered: 1, ..CLEAN });
    world.happened(3000, "worker-2.1", Sign::LeaseLost { task: task() });
    assert_eq!(world.numbers(), Findings { recovered: 1, stale_accepted: 1, ..CLEAN });
    world.happened(2500, "server-1.1", Sign::Died);
    assert_eq!(world.numbers().stale_accepted, 1, "a server takes no tasks");
    world.happened(2500, "worker-3.1", Sign::Died);
    assert_eq!(
        world.numbers(),
        Findings { recovered: 1, ..CLEAN },
        "who took it may have died before saying so"
    );
}

#[test]
fn second_code_for_an_address_is_found_in_the_mails_and_in_the_books() {
    let mut sent = world();
    sent.effects[0].code_hash = code_hash("forged");
    assert_eq!(sent.numbers(), Findings { ok: 2, wrong_codes: 1, ..CLEAN });
    let mut stored = world();
    stored.books.codes.get_mut("anna").unwrap().insert(code_hash("another"));
    assert_eq!(stored.numbers(), Findings { ok: 2, wrong_codes: 1, ..CLEAN });
}

#[test]
fn client_that_gave_up_is_whole_or_not_at_all() {
    let mut world = world();
    world.ledger.acknowledged.remove("bert");
    assert_eq!(world.numbers(), Findings { acknowledged: 2, ..CLEAN });
    world.books.users.remove("bert");
    world.books.succeeded = 2;
    world.effects.remove(1);
    assert_eq!(world.numbers(), Findings { acknowledged: 2, committed: 2, ok: 2, ..CLEAN });
}

#[test]
fn client_that_was_not_answered_or_refused_is_told() {
    let mut world = world();
    world.ledger.unanswered.insert("dora".to_owned());
    world.ledger.refused.push("emil: 409".to_owned());
    assert_eq!(world.numbers(), Findings { unanswered: 2, ..CLEAN });
}
