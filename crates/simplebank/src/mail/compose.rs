//! A message as the bytes that go over the wire: headers, and the text and HTML bodies as alternatives.

use super::{Cause, MailError, Mailbox, Message};
use lettre::address::Envelope;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, HeaderName, HeaderValue, MessageId as MessageIdHeader,
};
use lettre::message::{Body, MultiPart, SinglePart};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A message ready to leave.
pub(super) struct Letter {
    /// Who it is from and for, as the mail server is told.
    pub(super) envelope: Envelope,
    /// The message. Only ASCII, whatever it says, so that no server along the way has to understand more.
    pub(super) bytes: Vec<u8>,
}

/// Writes the message down. The same message always gives the same bytes.
pub(super) fn compose(message: &Message) -> Result<Letter, MailError> {
    let bodies = MultiPart::alternative()
        .boundary(boundary(message))
        .singlepart(plain(&message.text))
        .singlepart(SinglePart::html(message.html.clone()));
    let letter = lettre::Message::builder()
        .header(MessageIdHeader::from(format!("<{}>", message.message_id)))
        .date(printable(message.date))
        .from(clean(&message.from))
        .to(clean(&message.to))
        .subject(one_line(&message.subject))
        .raw_header(automatic())
        .multipart(bodies)
        .map_err(|error| MailError::Permanent(Cause::Message(error.to_string())))?;
    Ok(Letter { envelope: letter.envelope().clone(), bytes: letter.formatted() })
}

/// The text body. Text that needs no encoding is left as it is, so that a link in the file can be read and
/// copied. The library would encode it for the length of that line; mail servers take lines of up to 998
/// bytes (RFC 5322).
fn plain(text: &str) -> SinglePart {
    const LONGEST_LINE: usize = 998;
    if !text.is_ascii() || text.lines().any(|line| line.len() > LONGEST_LINE) {
        return SinglePart::plain(text.to_owned());
    }
    let lines: String = text.lines().flat_map(|line| [line, "\r\n"]).collect();
    let body = Body::dangerous_pre_encoded(lines.into_bytes(), ContentTransferEncoding::SevenBit);
    SinglePart::builder().header(ContentType::TEXT_PLAIN).body(body)
}

/// The line between the bodies. Nobody who does not know the whole message can write it into a part of it.
fn boundary(message: &Message) -> String {
    let digest = Sha256::new()
        .chain_update(message.message_id.to_string())
        .chain_update(&message.text)
        .chain_update(&message.html)
        .finalize();
    format!("=_{:032x}", u128::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes")))
}

/// Asks holiday responders and mailing lists not to answer (RFC 3834).
fn automatic() -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned())
}

/// A line break in a header would start the next header; nothing else in C0 or C1 belongs there either.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn clean(mailbox: &Mailbox) -> Mailbox {
    let name = mailbox.name.as_deref().map(|name| one_line(name).trim().to_owned());
    Mailbox::new(name.filter(|name| !name.is_empty()), mailbox.email.clone())
}

/// A Date header has four digits for the year and none before 1970 here; a clock beyond that is broken, and a
/// broken clock must not stop the mail.
fn printable(date: SystemTime) -> SystemTime {
    const YEAR_9999: Duration = Duration::from_secs(253_370_764_800);
    date.clamp(UNIX_EPOCH, UNIX_EPOCH + YEAR_9999)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Address, MessageId};

    fn message() -> Message {
        let from: Address = "no-reply@bank.example".parse().unwrap();
        Message {
            message_id: MessageId::new("verify-email.1", &from).unwrap(),
            date: UNIX_EPOCH + Duration::from_secs(1_669_125_600),
            from: Mailbox::new(Some("Simple Bank".into()), from),
            to: Mailbox::new(Some("Alice Ten".into()), "alice10@email.com".parse().unwrap()),
            subject: "Welcome to Simple Bank".into(),
            text: "hello\n".into(),
            html: "<p>hello</p>\n".into(),
        }
    }

    fn written(message: &Message) -> String {
        String::from_utf8(compose(message).unwrap().bytes).unwrap()
    }

    /// The header lines, continuation lines joined.
    fn headers(written: &str) -> Vec<String> {
        let (head, _) = written.split_once("\r\n\r\n").unwrap();
        head.replace("\r\n ", " ").split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn message_is_written_as_text_and_html() {
        let boundary = boundary(&message());
        let expected = "Message-ID: <verify-email.1@bank.example>\r\n\
            Date: Tue, 22 Nov 2022 14:00:00 +0000\r\n\
            From: \"Simple Bank\" <no-reply@bank.example>\r\n\
            To: \"Alice Ten\" <alice10@email.com>\r\n\
            Subject: Welcome to Simple Bank\r\n\
            Auto-Submitted: auto-generated\r\n\
            MIME-Version: 1.0\r\n\
            Content-Type: multipart/alternative;\r\n boundary=\"BOUNDARY\"\r\n\
            \r\n\
            --BOUNDARY\r\n\
            Content-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: 7bit\r\n\
            \r\n\
            hello\r\n\
            \r\n\
            --BOUNDARY\r\n\
            Content-Type: text/html; charset=utf-8\r\n\
            Content-Transfer-Encoding: 7bit\r\n\
            \r\n\
            <p>hello</p>\r\n\
            \r\n\
            --BOUNDARY--\r\n";
        assert_eq!(written(&message()), expected.replace("BOUNDARY", &boundary));
    }

    #[test]
    fn a_long_link_can_be_copied_from_the_text() {
        let mut message = message();
        let link = format!("http://localhost:8080/v1/verify_email?email_id=1&secret_code={}", "x".repeat(43));
        message.text = format!("Open this link:\n\n{link}\n");
        assert!(written(&message).contains(&format!("\r\n\r\nOpen this link:\r\n\r\n{link}\r\n")));
        message.text = "é".repeat(80);
        assert!(written(&message).is_ascii(), "what is not ASCII is encoded");
        message.text = "x".repeat(999);
        assert!(
            written(&message).lines().all(|line| line.len() < 999),
            "and so is a line no server would take"
        );
    }

    #[test]
    fn longest_message_id_is_written_as_it_is() {
        let mut message = message();
        let sender: Address = format!("no-reply@{}.example", "a".repeat(60)).parse().unwrap();
        message.message_id = MessageId::new("x".repeat(200), &sender).unwrap();
        let expected = format!("Message-ID: <{}>", message.message_id);
        assert!(headers(&written(&message)).contains(&expected), "{}", written(&message));
    }

    #[test]
    fn same_message_gives_the_same_bytes() {
        assert_eq!(written(&message()), written(&message()));
    }

    #[test]
    fn hostile_names_and_subjects_add_no_header() {
        let plain = headers(&written(&message())).len();
        for hostile in
            ["x\r\nBcc: evil@evil.example", "x\nBcc: a@b.example\n\nbody", "x\r\n\r\nbody", "\u{85}\0x"]
        {
            let mut message = message();
            message.subject = hostile.into();
            message.from.name = Some(hostile.into());
            message.to.name = Some(hostile.into());
            let written = written(&message);
            let headers = headers(&written);
            assert_eq!(headers.len(), plain, "{written}");
            assert!(!headers.iter().any(|line| line.to_lowercase().starts_with("bcc")), "{written}");
        }
    }

    #[test]
    fn hostile_names_do_not_change_the_addresses() {
        for hostile in
            ["\"", "a\" <evil@evil.example>, \"b", "\\", "<evil@evil.example>", "a, b", "=?utf-8?q?x?="]
        {
            let mut message = message();
            message.to.name = Some(hostile.into());
            let letter = compose(&message).unwrap();
            assert_eq!(letter.envelope.to(), ["alice10@email.com".parse().unwrap()]);
            let written = String::from_utf8(letter.bytes).unwrap();
            let to = headers(&written).into_iter().find(|line| line.starts_with("To: ")).unwrap();
            let read: Mailbox = to["To: ".len()..].parse().unwrap_or_else(|error| panic!("{to}: {error}"));
            assert_eq!(read.email, message.to.email, "{to}");
        }
    }

    #[test]
    fn any_language_leaves_as_short_ascii_lines() {
        let mut message = message();
        message.subject = "Willkommen, Zoë! 你好 مرحبا ".repeat(20);
        message.to.name = Some("Zoë Ångström 王小明 محمد".into());
        message.text = "ü".repeat(2000);
        message.html = format!("<p>{}</p>", "long ".repeat(1000));
        let written = written(&message);
        assert!(written.is_ascii());
        // The standard asks for 78 and demands 998; an address is not folded away from its name.
        for line in written.split("\r\n") {
            assert!(line.len() <= 100 && !line.contains('\n'), "{line:?}");
        }
        assert!(written.contains("=?utf-8?b?"), "{written}");
    }

    #[test]
    fn broken_clock_does_not_stop_the_mail() {
        for date in [UNIX_EPOCH - Duration::from_secs(1), UNIX_EPOCH + Duration::from_secs(1 << 60)] {
            let message = Message { date, ..message() };
            assert!(written(&message).contains("\r\nDate: "));
        }
    }

    #[test]
    fn addresses_that_break_a_line_are_no_addresses() {
        for bad in
            ["a@b.example\r\nBcc: c@d.example", "a b@c.example", "a@b.example>", "<a@b.example>", "a@", "@b"]
        {
            assert!(bad.parse::<Address>().is_err(), "{bad:?}");
        }
    }
}
