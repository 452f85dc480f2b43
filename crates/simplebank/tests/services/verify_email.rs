//! Proving an address with the code that was mailed there.

use crate::kit::{CODE_LIFE, MICROSECOND, World, alice, mail, user};
use futures_util::future::join_all;
use simplebank::service::{Bank, ServiceError, VerificationMail, VerifyEmail};

async fn verify(bank: &Bank, email_id: i64, code: &str) -> Result<bool, ServiceError> {
    bank.verify_email(VerifyEmail { email_id, secret_code: code.to_owned() }).await
}

async fn present(bank: &Bank, mail: &VerificationMail) -> Result<bool, ServiceError> {
    verify(bank, mail.email_id, mail.code.expose()).await
}

async fn verified_users(world: &World) -> i64 {
    world.count("SELECT count(*) FROM users WHERE is_email_verified").await
}

fn assert_refused(result: Result<bool, ServiceError>) {
    let error = result.expect_err("the code must be refused");
    assert_eq!(error.to_string(), "verification code is invalid or has expired");
    assert!(matches!(error, ServiceError::VerificationCode));
}

#[tokio::test]
async fn the_code_in_the_mail_verifies_the_address_again_and_again() {
    let world = World::new().await;
    let mail = world.alice_and_her_mail().await;
    assert_eq!(verified_users(&world).await, 0);
    assert!(present(&world.bank, &mail).await.unwrap());
    assert_eq!(verified_users(&world).await, 1);
    assert!(present(&world.bank, &mail).await.unwrap());
    assert_eq!(world.count("SELECT count(*) FROM verify_emails WHERE is_used").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_may_be_presented_many_times_at_once() {
    let world = World::new().await;
    let mail = world.alice_and_her_mail().await;
    let attempts = (0..16).map(|_| {
        let (bank, mail) = (world.bank.clone(), mail.clone());
        tokio::spawn(async move { present(&bank, &mail).await })
    });
    for attempt in join_all(attempts).await {
        assert!(attempt.unwrap().unwrap());
    }
    assert_eq!(verified_users(&world).await, 1);
}

#[tokio::test]
async fn a_code_lives_until_its_time_is_over_used_or_not() {
    for is_used_before in [true, false] {
        let world = World::new().await;
        let mail = world.alice_and_her_mail().await;
        if is_used_before {
            assert!(present(&world.bank, &mail).await.unwrap());
        }
        world.clock.advance(CODE_LIFE);
        assert_refused(present(&world.bank, &mail).await);
        assert_eq!(verified_users(&world).await, i64::from(is_used_before));
    }
}

#[tokio::test]
async fn a_code_is_right_in_its_last_microsecond() {
    let world = World::new().await;
    let mail = world.alice_and_her_mail().await;
    world.clock.advance(CODE_LIFE - MICROSECOND);
    assert!(present(&world.bank, &mail).await.unwrap());
}

#[tokio::test]
async fn a_wrong_foreign_or_unknown_code_is_refused_in_the_same_words() {
    let world = World::new().await;
    let hers = world.alice_and_her_mail().await;
    world.bank.create_user(user("bob", "bob@example.com"), None).await.unwrap();
    let his = mail(&world.bank, "bob").await;

    let wrong = "x".repeat(43);
    let other_case: String = hers.code.expose().chars().map(|c| c.to_ascii_lowercase()).collect();
    assert_ne!(other_case, hers.code.expose());
    assert_refused(verify(&world.bank, hers.email_id, &wrong).await);
    assert_refused(verify(&world.bank, hers.email_id, &other_case).await);
    assert_refused(verify(&world.bank, hers.email_id, his.code.expose()).await);
    assert_refused(verify(&world.bank, his.email_id, hers.code.expose()).await);
    assert_refused(verify(&world.bank, 9_999, hers.code.expose()).await);
    assert_refused(verify(&world.bank, i64::MAX, &wrong).await);
    assert_eq!(verified_users(&world).await, 0);
}

#[tokio::test]
async fn guesses_do_not_wait_for_the_write_lock() {
    let world = World::new().await;
    let mail = world.alice_and_her_mail().await;
    world.tasks.stops.store(true, std::sync::atomic::Ordering::SeqCst);
    let bank = world.bank.clone();
    let writing = tokio::spawn(async move { bank.create_user(user("bob", "bob@example.com"), None).await });
    world.tasks.stopped.acquire().await.unwrap().forget();

    assert_refused(verify(&world.bank, mail.email_id, &"x".repeat(43)).await);
    world.tasks.go_on.add_permits(1);
    assert!(writing.await.unwrap().is_ok());
}

#[tokio::test]
async fn malformed_parts_are_listed_together() {
    let world = World::new().await;
    let error = verify(&world.bank, 0, "short").await.unwrap_err();
    let ServiceError::Invalid(violations) = error else { panic!("{error:?}") };
    let lines: Vec<_> = violations.iter().map(|v| format!("{}: {}", v.field, v.description)).collect();
    assert_eq!(
        lines,
        ["email_id: must be a positive integer", "secret_code: must contain from 32-128 characters"]
    );
}

#[tokio::test]
async fn an_old_code_does_not_verify_a_new_address() {
    let world = World::new().await;
    let old = world.alice_and_her_mail().await;
    world.sql("UPDATE users SET email = 'new@example.com'").await;
    assert_refused(present(&world.bank, &old).await);
    assert_eq!(verified_users(&world).await, 0);
    assert_eq!(world.count("SELECT count(*) FROM verify_emails WHERE is_used").await, 0);

    let new = mail(&world.bank, "alice").await;
    assert_eq!(new.address, "new@example.com");
    assert!(present(&world.bank, &new).await.unwrap());
}

#[tokio::test]
async fn a_used_code_says_nothing_about_the_next_address() {
    let world = World::new().await;
    let old = world.alice_and_her_mail().await;
    assert!(present(&world.bank, &old).await.unwrap());
    world.sql("UPDATE users SET email = 'new@example.com', is_email_verified = false").await;
    let new = mail(&world.bank, "alice").await;
    assert!(present(&world.bank, &new).await.unwrap());
    assert_refused(present(&world.bank, &old).await);
}

#[tokio::test]
async fn coming_back_to_an_old_address_takes_a_new_code() {
    let world = World::new().await;
    let first = world.alice_and_her_mail().await;
    assert!(present(&world.bank, &first).await.unwrap());
    world.sql("UPDATE users SET email = 'new@example.com', is_email_verified = false").await;
    world.sql("UPDATE users SET email = 'alice@example.com'").await;
    assert_refused(present(&world.bank, &first).await);
    assert_eq!(verified_users(&world).await, 0);

    let second = mail(&world.bank, "alice").await;
    assert_ne!(second.code.expose(), first.code.expose());
    assert!(present(&world.bank, &second).await.unwrap());
    assert_eq!(verified_users(&world).await, 1);
}

#[tokio::test]
async fn capitalising_an_address_does_not_change_it() {
    let world = World::new().await;
    let mail = world.alice_and_her_mail().await;
    world.sql("UPDATE users SET email = 'Alice@example.com'").await;
    assert!(present(&world.bank, &mail).await.unwrap());
    assert_eq!(verified_users(&world).await, 1);
}

#[tokio::test]
async fn requests_are_not_printed_with_their_secrets() {
    let request = VerifyEmail { email_id: 7, secret_code: "very-secret".into() };
    assert_eq!(format!("{request:?}"), "VerifyEmail { email_id: 7, .. }");
    let printed = format!("{:?}", alice());
    assert!(printed.contains("alice") && !printed.contains(alice().password.expose()), "{printed}");
}
