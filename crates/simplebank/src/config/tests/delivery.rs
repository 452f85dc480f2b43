//! The ways to Redis: what each says at the start, where it is refused, and what it changes.

use super::*;

const REDIS: (&str, &str) = ("REDIS_ADDRESS", "0.0.0.0:6379");

fn faults_of(delivery: &str, rest: &[(&str, &str)], args: &[&str]) -> Vec<String> {
    let given = [("TASK_DELIVERY", delivery)].into_iter().chain(rest.iter().copied());
    faults(args, &given.collect::<Vec<_>>(), "")
}

#[test]
fn direct_ways_say_at_the_start_what_they_lose() {
    for (text, delivery, loses) in [
        ("direct", TaskDelivery::Direct, "a commit that fails leaves a task without a user"),
        ("direct_no_tx", TaskDelivery::DirectNoTx, "the user stays and the mail is lost"),
    ] {
        let given = [REDIS, ("TASK_DELIVERY", text)];
        let config = good(&[], &given, "");
        assert_eq!(config.delivery, delivery);
        let [notice] = &config.notices[..] else { panic!("{:?}", config.notices) };
        assert!(notice.starts_with(&format!("TASK_DELIVERY={text} ")) && notice.contains(loses), "{notice}");
        assert_eq!(good(&["worker"], &given, "").notices, [""; 0], "a worker enqueues nothing");
    }
    let outbox = good(&[], &[REDIS], "");
    assert_eq!((outbox.delivery, outbox.notices), (TaskDelivery::Outbox, vec![]));
}

#[test]
fn direct_ways_need_redis_and_are_refused_in_production_and_to_a_relay() {
    for text in ["direct", "direct_no_tx"] {
        assert_eq!(
            faults_of(text, &[], &[]),
            ["TASK_DELIVERY (environment): enqueues to Redis: REDIS_ADDRESS must say where that is"]
        );
        assert_eq!(
            faults_of(text, &[REDIS], &["relay"]),
            ["TASK_DELIVERY (environment): leaves nothing for a relay: it publishes what outbox commits"]
        );
        let production = [REDIS, ("ENVIRONMENT", "production"), ("TOKEN_SYMMETRIC_KEY", KEY)];
        assert_eq!(
            faults_of(text, &production, &["serve"]),
            ["TASK_DELIVERY (environment): loses tasks, for trying things out only: production needs outbox"]
        );
    }
}

#[test]
fn tasks_wait_ten_seconds_in_the_direct_ways_unless_told_otherwise() {
    let delay = |delivery, given: &[(&str, &str)]| {
        let given = [REDIS, ("TASK_DELIVERY", delivery)].into_iter().chain(given.iter().copied());
        good(&[], &given.collect::<Vec<_>>(), "").tasks.process_in
    };
    assert_eq!(delay("outbox", &[]), Duration::ZERO);
    assert_eq!(delay("direct", &[]), Duration::from_secs(10));
    assert_eq!(delay("direct_no_tx", &[]), Duration::from_secs(10));
    assert_eq!(delay("direct", &[("TASK_PROCESS_IN", "0s")]), Duration::ZERO);
    assert_eq!(delay("outbox", &[("TASK_PROCESS_IN", "3s")]), Duration::from_secs(3));
}

#[test]
fn transaction_never_waits_for_redis_without_a_limit() {
    let endless = [REDIS, ("REDIS_READ_TIMEOUT", "-1"), ("REDIS_WRITE_TIMEOUT", "-1")];
    assert_eq!(
        faults_of("direct", &endless, &[]),
        [
            "REDIS_READ_TIMEOUT (environment): TASK_DELIVERY=direct needs a limit: transactions wait for Redis",
            "REDIS_WRITE_TIMEOUT (environment): TASK_DELIVERY=direct needs a limit: transactions wait for Redis",
        ]
    );
    for patient in ["outbox", "direct_no_tx"] {
        let given = endless.into_iter().chain([("TASK_DELIVERY", patient)]);
        good(&[], &given.collect::<Vec<_>>(), "");
    }
}
