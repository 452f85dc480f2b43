//! The mail with the code: the same however often it is prepared, and never in the database.

use crate::kit::{CODE_LIFE, KEY, START, World, alice, mail};
use futures_util::future::join_all;
use simplebank::service::{Preparation, ServiceError, VerifyEmail};
use std::time::Duration;

const OTHER_KEY: &str = "abcdefghijklmnopqrstuvwxyzabcdef";

fn request(mail: &simplebank::service::VerificationMail) -> VerifyEmail {
    VerifyEmail { email_id: mail.email_id, secret_code: mail.code.expose().to_owned() }
}

#[tokio::test]
async fn a_mail_says_what_its_sender_needs() {
    let world = World::new().await;
    let mail = world.alice_and_her_mail().await;
    assert_eq!((mail.address.as_str(), mail.full_name.as_str()), ("alice@example.com", "Alice Ten"));
    assert_eq!((mail.valid_for, mail.expires_at), (CODE_LIFE, START.plus(CODE_LIFE)));
    assert_eq!((mail.code.expose().len(), mail.handovers), (43, 0));
    assert!(mail.email_id > 0);
    assert!(mail.message_id.starts_with("verify-email."), "{}", mail.message_id);
    assert!(!format!("{mail:?}").contains(mail.code.expose()));
}

#[tokio::test]
async fn preparing_again_gives_the_same_mail_also_after_a_restart() {
    let world = World::new().await;
    let first = world.alice_and_her_mail().await;
    let restarted = world.other_process().await;
    for bank in [&world.bank, &restarted] {
        let again = mail(bank, "alice").await;
        assert_eq!(
            (again.email_id, again.code.expose(), &again.message_id),
            (first.email_id, first.code.expose(), &first.message_id)
        );
    }
    assert_eq!(world.count("SELECT count(*) FROM verify_emails").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn preparing_many_times_at_once_gives_one_code() {
    let world = World::new().await;
    world.bank.create_user(alice(), None).await.unwrap();
    let other = world.other_process().await;
    let attempts = (0..16).map(|n| {
        let bank = if n % 2 == 0 { world.bank.clone() } else { other.clone() };
        tokio::spawn(async move { mail(&bank, "alice").await.code.expose().to_owned() })
    });
    let codes: Vec<_> = join_all(attempts).await.into_iter().map(Result::unwrap).collect();
    assert!(codes.iter().all(|code| *code == codes[0]));
    assert_eq!(world.count("SELECT count(*) FROM verify_emails").await, 1);
}

#[tokio::test]
async fn the_life_of_a_code_starts_anew_at_each_handover() {
    let world = World::new().await;
    let mail = world.alice_and_her_mail().await;
    world.clock.advance(CODE_LIFE / 3);
    world.bank.mark_handed_over(mail.email_id).await.unwrap();
    world.clock.advance(CODE_LIFE - Duration::from_secs(1));
    assert!(world.bank.verify_email(request(&mail)).await.unwrap());
}

#[tokio::test]
async fn handovers_are_counted() {
    let world = World::new().await;
    let first = world.alice_and_her_mail().await;
    world.bank.mark_handed_over(first.email_id).await.unwrap();
    world.bank.mark_handed_over(first.email_id).await.unwrap();
    assert_eq!(mail(&world.bank, "alice").await.handovers, 2);
}

#[tokio::test]
async fn a_mail_that_does_not_exist_cannot_be_handed_over() {
    let world = World::new().await;
    let error = world.bank.mark_handed_over(7).await.unwrap_err();
    assert!(matches!(error, ServiceError::Internal { .. }), "{error:?}");
}

#[tokio::test]
async fn a_code_that_expired_before_it_was_sent_lives_again_when_it_is_prepared_again() {
    let world = World::new().await;
    let first = world.alice_and_her_mail().await;
    world.clock.advance(CODE_LIFE * 10);
    assert!(world.bank.verify_email(request(&first)).await.is_err());
    let again = mail(&world.bank, "alice").await;
    assert_eq!(again.code.expose(), first.code.expose());
    assert!(world.bank.verify_email(request(&first)).await.unwrap());
}

#[tokio::test]
async fn there_is_nothing_to_send_to_nobody_or_to_a_verified_address() {
    let world = World::new().await;
    assert!(matches!(world.bank.prepare_verification("nobody").await.unwrap(), Preparation::NoSuchUser));
    let mail = world.alice_and_her_mail().await;
    assert!(world.bank.verify_email(request(&mail)).await.unwrap());
    assert!(matches!(world.bank.prepare_verification("alice").await.unwrap(), Preparation::AlreadyVerified));
}

#[tokio::test]
async fn a_code_stays_the_same_through_a_rotation_of_keys() {
    let world = World::new().await;
    let before = world.alice_and_her_mail().await;
    let rotated = world.with_keys(OTHER_KEY, KEY);
    assert_eq!(mail(&rotated, "alice").await.code.expose(), before.code.expose());
}

#[tokio::test]
async fn when_its_key_is_dropped_a_code_is_replaced() {
    let world = World::new().await;
    let before = world.alice_and_her_mail().await;
    let dropped = world.with_keys(OTHER_KEY, "");
    let after = mail(&dropped, "alice").await;
    assert_ne!(after.code.expose(), before.code.expose());
    assert!(dropped.verify_email(request(&before)).await.is_err());
    assert!(dropped.verify_email(request(&after)).await.unwrap());
}

#[tokio::test]
async fn a_row_that_does_not_fit_its_code_is_replaced() {
    let world = World::new().await;
    let before = world.alice_and_her_mail().await;
    world.database.zero_nonces().await;
    let after = mail(&world.bank, "alice").await;
    assert_ne!(after.email_id, before.email_id);
    assert!(world.bank.verify_email(request(&after)).await.unwrap());
}

#[tokio::test]
async fn the_database_never_holds_a_code() {
    let world = World::new().await;
    let mail = world.alice_and_her_mail().await;
    world.bank.mark_handed_over(mail.email_id).await.unwrap();
    world.bank.verify_email(request(&mail)).await.unwrap();
    let disk = world.database.bytes().await;
    let code = mail.code.expose().as_bytes();
    assert!(disk.windows(17).any(|bytes| bytes == b"alice@example.com"));
    assert!(!disk.windows(code.len()).any(|bytes| bytes == code));
}
