//! What the bank writes in its e-mails. The texts are in `templates/`, each as plain text and as HTML.

use askama::Template;
use jiff::SignedDuration;
use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use std::time::Duration;

/// The longest name that is used in a greeting, in characters.
const MAX_NAME: usize = 100;

/// Subject and bodies of an e-mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// The subject, one line.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
}

/// Asks a new user to prove that the e-mail address is theirs.
pub struct VerifyEmailMail<'a> {
    /// The user's name, as the user wrote it. Not trusted.
    pub full_name: &'a str,
    /// Where to go, see [`BaseUrl::verify_email`](super::BaseUrl::verify_email).
    pub link: &'a str,
    /// How long the link works. Said to the reader in hours, minutes and seconds.
    pub valid_for: Duration,
    /// The name of the bank, `EMAIL_SENDER_NAME`.
    pub sender_name: &'a str,
}

/// Writes the e-mail.
pub fn verify_email(mail: &VerifyEmailMail<'_>) -> Result<Content, askama::Error> {
    let subject = format!("Welcome to {}", mail.sender_name);
    let full_name = printable(mail.full_name);
    let valid_for = spoken(mail.valid_for);
    let (full_name, valid_for, link, bank) = (&*full_name, &*valid_for, mail.link, mail.sender_name);
    let text = VerifyEmailText { full_name, link, valid_for, bank }.render()?;
    let html = VerifyEmailHtml { subject: &subject, full_name, link, valid_for, bank }.render()?;
    Ok(Content { subject, text, html })
}

#[derive(Template)]
#[template(path = "verify_email.txt")]
struct VerifyEmailText<'a> {
    full_name: &'a str,
    link: &'a str,
    valid_for: &'a str,
    bank: &'a str,
}

#[derive(Template)]
#[template(path = "verify_email.html")]
struct VerifyEmailHtml<'a> {
    subject: &'a str,
    full_name: &'a str,
    link: &'a str,
    valid_for: &'a str,
    bank: &'a str,
}

/// A name must not break out of its line or turn the reading direction of what follows it: a stranger who signs
/// up with somebody else's address writes it.
fn printable(name: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c: char| c.is_whitespace() || c.is_control();
    let kept: String = name.chars().filter(|&c| !turns(c)).take(MAX_NAME).collect();
    kept.split(breaks).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `15 minutes`, `1 hour, 30 minutes`.
fn spoken(duration: Duration) -> String {
    let whole_seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    SpanPrinter::new()
        .designator(Designator::Verbose)
        .spacing(Spacing::BetweenUnitsAndDesignators)
        .comma_after_designator(true)
        .duration_to_string(&SignedDuration::from_secs(whole_seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://bank.example/v1/verify_email?email_id=7&secret_code=abc-_1";

    fn content(full_name: &str) -> Content {
        let valid_for = Duration::from_secs(15 * 60);
        verify_email(&VerifyEmailMail { full_name, link: LINK, valid_for, sender_name: "Simple Bank" })
            .unwrap()
    }

    #[test]
    fn text_says_what_to_do_how_long_and_what_if_not() {
        let expected = "Hello Alice Ten,\n\n\
            Welcome to Simple Bank, and thank you for registering with us.\n\n\
            Please confirm your e-mail address by opening this link:\n\n\
            https://bank.example/v1/verify_email?email_id=7&secret_code=abc-_1\n\n\
            The link is valid for 15 minutes.\n\n\
            If you did not ask for this, somebody has probably mistyped their address. You can ignore this \
            message: without the link nothing happens.\n\n\
            Simple Bank";
        let content = content("Alice Ten");
        assert_eq!(content.subject, "Welcome to Simple Bank");
        assert_eq!(content.text, expected);
    }

    #[test]
    fn html_says_the_same() {
        let html = content("Alice Ten").html;
        let link = LINK.replace('&', "&#38;");
        assert_eq!(html.matches(&format!("href=\"{link}\"")).count(), 2, "{html}");
        for said in
            ["Welcome to Simple Bank", "<bdi>Alice Ten</bdi>", "valid for 15 minutes", "did not ask for"]
        {
            assert!(html.contains(said), "{said}: {html}");
        }
        assert!(!html.contains("<script") && !html.contains("http-equiv") && !html.contains("<img"));
    }

    #[test]
    fn hostile_names_stay_text() {
        let html = |name| content(name).html;
        let plain_tags = html("Alice").matches('<').count();
        for name in
            ["<script>alert(1)</script>", "\"><a href='https://evil.example'>", "</bdi>&amp;", "{{ link }}"]
        {
            let html = html(name);
            assert_eq!(html.matches('<').count(), plain_tags, "{name}: {html}");
            assert_eq!(html.matches("href=\"").count(), 2, "{name}: {html}");
        }
        assert!(html("Tom & \"Jerry\" O'Neil").contains("Tom &#38; &#34;Jerry&#34; O&#39;Neil"));
        assert!(content("{{ link }}").text.starts_with("Hello {{ link }},\n"));
    }

    #[test]
    fn names_keep_to_their_line() {
        for name in ["Alice\r\n\r\nYour account is locked", "Alice\u{2028}Your\u{85}account is\0 locked"] {
            let text = content(name).text;
            assert!(text.starts_with("Hello Alice Your account is locked,\n\nWelcome"), "{text}");
        }
        assert!(content(&"x".repeat(1000)).text.starts_with(&format!("Hello {},", "x".repeat(MAX_NAME))));
    }

    #[test]
    fn names_in_every_script_are_kept_and_cannot_turn_the_line() {
        for name in ["محمد علي", "Zoë Ångström", "王小明", "שרה"] {
            let content = content(name);
            assert!(content.text.starts_with(&format!("Hello {name},")), "{}", content.text);
            assert!(content.html.contains(&format!("<bdi>{name}</bdi>")));
        }
        let text = content("Al\u{202e}ice\u{2066} \u{200f}Ten").text;
        assert!(text.starts_with("Hello Alice Ten,"), "{text}");
    }

    #[test]
    fn validity_is_said_in_words() {
        let cases = [
            (15 * 60, "15 minutes"),
            (60, "1 minute"),
            (3600, "1 hour"),
            (5400, "1 hour, 30 minutes"),
            (90_000, "25 hours"),
            (1, "1 second"),
        ];
        for (seconds, words) in cases {
            assert_eq!(spoken(Duration::from_secs(seconds)), words);
        }
        assert_eq!(spoken(Duration::from_millis(15 * 60_000 + 1)), "15 minutes");
    }
}
