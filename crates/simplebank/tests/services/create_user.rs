//! Creating users: what is stored, what is refused, and that a user and its task exist together or not
//! at all.

use crate::kit::{START, World, alice, user};
use futures_util::future::join_all;
use simplebank::domain::time::Timestamp;
use simplebank::domain::user::{Role, User};
use simplebank::password::PoolLimits;
use simplebank::secret::Secret;
use simplebank::service::{CreateUser, Replay, ServiceError, Taken};
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_new_user_is_stored_with_its_task() {
    let world = World::new().await;
    let answer = world.bank.create_user(alice(), None).await.unwrap();
    assert_eq!(answer.replay, Replay::Fresh);
    assert_eq!(
        answer.value,
        User {
            username: "alice".into(),
            full_name: "Alice Ten".into(),
            email: "alice@example.com".into(),
            password_changed_at: Timestamp::YEAR_ONE,
            created_at: START,
            is_email_verified: false,
            role: Role::Depositor,
        }
    );
    assert_eq!(world.users_and_tasks().await, (1, 1));
    let stored = world.count("SELECT count(*) FROM users WHERE hashed_password LIKE '$argon2id$%'").await;
    assert_eq!(stored, 1);
}

#[tokio::test]
async fn the_password_is_written_nowhere() {
    let world = World::new().await;
    let request = CreateUser { password: Secret::new("correct horse battery"), ..alice() };
    world.bank.create_user(request, Some("k".into())).await.unwrap();
    let disk = world.database.bytes().await;
    assert!(disk.windows(5).any(|bytes| bytes == b"alice"));
    assert!(!disk.windows(13).any(|bytes| bytes == b"correct horse"));
}

#[tokio::test]
async fn the_address_is_stored_in_its_canonical_spelling() {
    let world = World::new().await;
    let answer = world.bank.create_user(user("alice", "Alice@BÜCHER.Example"), None).await.unwrap();
    assert_eq!(answer.value.email, "Alice@xn--bcher-kva.example");
}

#[tokio::test]
async fn every_violation_is_listed_at_once() {
    let world = World::new().await;
    let request = CreateUser {
        username: "A!".into(),
        full_name: "R2-D2".into(),
        email: "Alice <alice@example.com>".into(),
        password: Secret::new("short"),
    };
    let error = world.bank.create_user(request, Some("not visible".into())).await.unwrap_err();
    assert_eq!(error.to_string(), "invalid parameters");
    let ServiceError::Invalid(violations) = error else { panic!("{error:?}") };
    let lines: Vec<_> = violations.iter().map(|v| format!("{}: {}", v.field, v.description)).collect();
    assert_eq!(
        lines,
        [
            "username: must contain from 3-100 characters",
            "full_name: must contain only letters, spaces, apostrophes, hyphens, or periods",
            "email: is not a valid email address",
            "password: must contain from 6-100 characters",
            "idempotency-key: must contain from 1-255 visible ASCII characters",
        ]
    );
    assert_eq!(world.users_and_tasks().await, (0, 0));
}

#[tokio::test]
async fn a_taken_username_or_address_is_named() {
    let world = World::new().await;
    world.bank.create_user(alice(), None).await.unwrap();
    for (username, email, taken) in [
        ("alice", "other@example.com", Taken::Username),
        ("other", "alice@example.com", Taken::Email),
        ("other", "ALICE@Example.COM", Taken::Email),
        ("alice", "alice@example.com", Taken::Username),
    ] {
        let error = world.bank.create_user(user(username, email), None).await.unwrap_err();
        assert!(matches!(error, ServiceError::AlreadyExists(t) if t == taken), "{username} {email}: {error}");
    }
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_a_username_at_once_one_gets_it() {
    let world = World::new().await;
    let attempts = (0..24).map(|n| {
        let bank = world.bank.clone();
        tokio::spawn(async move { bank.create_user(user("alice", &format!("a{n}@example.com")), None).await })
    });
    let mut created = 0;
    for attempt in join_all(attempts).await {
        match attempt.unwrap() {
            Ok(_) => created += 1,
            Err(error) => assert!(matches!(error, ServiceError::AlreadyExists(Taken::Username)), "{error}"),
        }
    }
    assert_eq!(created, 1);
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_an_address_at_once_one_gets_it() {
    let world = World::new().await;
    let attempts = (0..24).map(|n| {
        let bank = world.bank.clone();
        let email = if n % 2 == 0 { "alice@example.com" } else { "ALICE@example.com" };
        tokio::spawn(async move { bank.create_user(user(&format!("alice{n}"), email), None).await })
    });
    let mut created = 0;
    for attempt in join_all(attempts).await {
        match attempt.unwrap() {
            Ok(_) => created += 1,
            Err(error) => assert!(matches!(error, ServiceError::AlreadyExists(Taken::Email)), "{error}"),
        }
    }
    assert_eq!(created, 1);
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test]
async fn if_the_task_cannot_be_distributed_there_is_no_user_and_a_retry_works() {
    let world = World::new().await;
    world.tasks.fails.store(true, Ordering::SeqCst);
    let error = world.bank.create_user(alice(), None).await.unwrap_err();
    let said = "failed to create user: failed to enqueue task: the task queue is not available";
    assert_eq!(error.to_string(), said, "without the words of the driver");
    assert!(matches!(error, ServiceError::NotEnqueued { .. }));
    assert_eq!(world.users_and_tasks().await, (0, 0));

    world.tasks.fails.store(false, Ordering::SeqCst);
    world.bank.create_user(alice(), None).await.unwrap();
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test]
async fn a_caller_who_goes_away_before_the_commit_leaves_nothing_behind() {
    let world = World::new().await;
    world.tasks.stops.store(true, Ordering::SeqCst);
    let mut gone = Box::pin(world.bank.create_user(alice(), Some("k".into())));
    tokio::select! {
        answer = &mut gone => panic!("it should have stopped before the commit: {answer:?}"),
        permit = world.tasks.stopped.acquire() => permit.unwrap().forget(),
    }
    drop(gone);

    world.tasks.stops.store(false, Ordering::SeqCst);
    let answer = world.bank.create_user(user("bob", "bob@example.com"), None).await;
    assert!(answer.is_ok(), "the database is free again: {answer:?}");
    assert_eq!(world.users_and_tasks().await, (1, 1));
    let answer = world.bank.create_user(alice(), Some("k".into())).await.unwrap();
    assert_eq!(answer.replay, Replay::Fresh);
}

#[tokio::test]
async fn when_too_many_passwords_wait_callers_are_turned_away_and_lose_nothing() {
    let limits = PoolLimits { threads: NonZeroUsize::MIN, queue: 1 };
    let world = World::hashing("argon2id", limits).await;
    let attempts = (0..12)
        .map(|n| world.bank.create_user(user(&format!("alice{n}"), &format!("a{n}@example.com")), None));
    let (mut created, mut turned_away) = (0, 0);
    for attempt in join_all(attempts).await {
        match attempt {
            Ok(_) => created += 1,
            Err(ServiceError::Overloaded(_)) => turned_away += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(created >= 2 && turned_away >= 1, "{created} created, {turned_away} turned away");
    assert_eq!(world.users_and_tasks().await, (created, created));
}
