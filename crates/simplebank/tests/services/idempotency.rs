//! Sending a request again under the same idempotency key.

use crate::kit::{KEY, MICROSECOND, World, alice, user};
use futures_util::future::join_all;
use simplebank::secret::Secret;
use simplebank::service::{CreateUser, Purged, Replay, Rest, ServiceError, Taken};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const OTHER_KEY: &str = "abcdefghijklmnopqrstuvwxyzabcdef";

fn key() -> Option<String> {
    Some("8e03978e-40d5-43dd-bc93-6894a57f9324".to_owned())
}

#[tokio::test]
async fn a_request_sent_again_is_answered_as_before_and_done_once() {
    let world = World::new().await;
    let first = world.bank.create_user(alice(), key()).await.unwrap();
    assert_eq!(first.replay, Replay::Fresh);
    world.sql("UPDATE users SET is_email_verified = true, full_name = 'Somebody Else'").await;

    let second = world.bank.create_user(alice(), key()).await.unwrap();
    assert_eq!(second.replay, Replay::Replayed);
    assert_eq!(second.value, first.value, "the answer of that time, not of today");
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test]
async fn spelling_the_domain_another_way_is_the_same_request() {
    let world = World::new().await;
    world.bank.create_user(alice(), key()).await.unwrap();
    let answer = world.bank.create_user(user("alice", "alice@EXAMPLE.com"), key()).await.unwrap();
    assert_eq!(answer.replay, Replay::Replayed);
}

#[tokio::test]
async fn another_request_under_the_key_is_refused() {
    let world = World::new().await;
    world.bank.create_user(alice(), key()).await.unwrap();
    let others = [
        CreateUser { full_name: "Alice Eleven".into(), ..alice() },
        user("alice", "other@example.com"),
        CreateUser { password: Secret::new("secret124"), ..alice() },
    ];
    for other in others {
        let error = world.bank.create_user(other.clone(), key()).await.unwrap_err();
        assert!(matches!(error, ServiceError::IdempotencyKeyReused), "{other:?}: {error}");
    }
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test]
async fn the_same_key_for_another_username_is_another_key() {
    let world = World::new().await;
    world.bank.create_user(alice(), key()).await.unwrap();
    let answer = world.bank.create_user(user("bob", "bob@example.com"), key()).await.unwrap();
    assert_eq!(answer.replay, Replay::Fresh);
    assert_eq!(world.users_and_tasks().await, (2, 2));
}

#[tokio::test]
async fn a_key_is_kept_for_a_day() {
    let world = World::new().await;
    world.bank.create_user(alice(), key()).await.unwrap();
    world.clock.advance(DAY - MICROSECOND);
    assert_eq!(world.bank.create_user(alice(), key()).await.unwrap().replay, Replay::Replayed);
    world.clock.advance(MICROSECOND);
    let error = world.bank.create_user(alice(), key()).await.unwrap_err();
    assert!(matches!(error, ServiceError::AlreadyExists(Taken::Username)), "{error}");
}

#[tokio::test]
async fn an_expired_key_may_be_used_for_something_else() {
    let world = World::new().await;
    world.bank.create_user(alice(), key()).await.unwrap();
    world.clock.advance(DAY);
    world.sql("DELETE FROM users").await;
    let answer = world.bank.create_user(user("alice", "new@example.com"), key()).await.unwrap();
    assert_eq!(answer.replay, Replay::Fresh);
    let again = world.bank.create_user(user("alice", "new@example.com"), key()).await.unwrap();
    assert_eq!(again.replay, Replay::Replayed);
}

#[tokio::test]
async fn a_request_that_failed_does_not_use_up_its_key() {
    let world = World::new().await;
    world.tasks.fails.store(true, Ordering::SeqCst);
    assert!(world.bank.create_user(alice(), key()).await.is_err());
    world.tasks.fails.store(false, Ordering::SeqCst);
    assert_eq!(world.bank.create_user(alice(), key()).await.unwrap().replay, Replay::Fresh);
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_equal_requests_at_once_one_is_done_and_the_rest_are_replays() {
    const REQUESTS: usize = 32;
    let world = World::new().await;
    let attempts = (0..REQUESTS).map(|_| {
        let bank = world.bank.clone();
        tokio::spawn(async move { bank.create_user(alice(), key()).await.unwrap() })
    });
    let answers: Vec<_> = join_all(attempts).await.into_iter().map(Result::unwrap).collect();
    let fresh = answers.iter().filter(|answer| answer.replay == Replay::Fresh).count();
    assert_eq!((fresh, answers.len() - fresh), (1, REQUESTS - 1));
    assert!(answers.iter().all(|answer| answer.value == answers[0].value));
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_requests_to_several_processes_are_done_once() {
    let world = World::new().await;
    let banks = [world.bank.clone(), world.other_process().await, world.other_process().await];
    let attempts = (0..24).map(|n| {
        let bank = banks[n % banks.len()].clone();
        tokio::spawn(async move { bank.create_user(alice(), key()).await.unwrap() })
    });
    let answers: Vec<_> = join_all(attempts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.replay == Replay::Fresh).count(), 1);
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test]
async fn a_request_that_finds_its_key_at_work_waits_a_second_and_is_told_to_come_back() {
    let world = World::new().await;
    world.tasks.stops.store(true, Ordering::SeqCst);
    let bank = world.bank.clone();
    let first = tokio::spawn(async move { bank.create_user(alice(), key()).await });
    world.tasks.stopped.acquire().await.unwrap().forget();

    let begun = Instant::now();
    let error = world.bank.create_user(alice(), key()).await.unwrap_err();
    assert!(matches!(error, ServiceError::IdempotencyKeyInFlight), "{error}");
    assert!(begun.elapsed() >= Duration::from_secs(1));

    world.tasks.go_on.add_permits(1);
    assert_eq!(first.await.unwrap().unwrap().replay, Replay::Fresh);
    assert_eq!(world.bank.create_user(alice(), key()).await.unwrap().replay, Replay::Replayed);
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test]
async fn a_replay_does_not_wait_for_the_write_lock() {
    let world = World::new().await;
    world.bank.create_user(alice(), key()).await.unwrap();
    world.tasks.stops.store(true, Ordering::SeqCst);
    let bank = world.bank.clone();
    let writing = tokio::spawn(async move { bank.create_user(user("bob", "bob@example.com"), None).await });
    world.tasks.stopped.acquire().await.unwrap().forget();

    assert_eq!(world.bank.create_user(alice(), key()).await.unwrap().replay, Replay::Replayed);
    world.tasks.go_on.add_permits(1);
    assert!(writing.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_request_is_recognised_after_a_rotation_until_its_key_is_dropped() {
    let world = World::new().await;
    world.bank.create_user(alice(), key()).await.unwrap();
    let rotated = world.with_keys(OTHER_KEY, KEY);
    assert_eq!(rotated.create_user(alice(), key()).await.unwrap().replay, Replay::Replayed);
    let dropped = world.with_keys(OTHER_KEY, "");
    let error = dropped.create_user(alice(), key()).await.unwrap_err();
    assert!(matches!(error, ServiceError::IdempotencyKeyReused), "{error}");
}

#[tokio::test]
async fn expired_keys_are_purged_in_bounded_rounds() {
    let world = World::new().await;
    world.bank.create_user(alice(), key()).await.unwrap();
    world.database.insert_expired_keys(700).await;
    let rounds = [
        world.bank.purge_idempotency_keys().await.unwrap(),
        world.bank.purge_idempotency_keys().await.unwrap(),
        world.bank.purge_idempotency_keys().await.unwrap(),
    ];
    assert_eq!(
        rounds,
        [
            Purged { rows: 500, rest: Rest::Perhaps },
            Purged { rows: 200, rest: Rest::Nothing },
            Purged { rows: 0, rest: Rest::Nothing },
        ]
    );
    assert_eq!(world.bank.create_user(alice(), key()).await.unwrap().replay, Replay::Replayed);
}
