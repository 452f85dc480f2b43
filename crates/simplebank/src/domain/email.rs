//! E-mail addresses: one spelling per mailbox, and nothing in them that a mail header could trip over.

use super::text::{check_length, check_no_control};
use super::violation::Fault;
use email_address::{EmailAddress as Syntax, Options};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;

const LENGTH: RangeInclusive<usize> = 3..=200;

/// Characters of the whole address that SMTP can carry (RFC 5321, 4.5.3.1.3, less the brackets).
/// A domain in another script grows when it is written in ASCII, so this is checked as well.
const MAX_CANONICAL_BYTES: usize = 254;

/// A valid address, in canonical spelling: the domain is lowercase ASCII (other scripts in their
/// `xn--` form), the part before the `@` is kept as typed, because its host decides what case means.
///
/// Two addresses that differ only in case are equal: no bank should open two accounts for
/// `Alice@example.com` and `alice@example.com`.
///
/// Stricter than RFC 5321 in three places: quoted local parts and domain literals are refused (they
/// spell a mailbox a second way), and so is a domain without a dot.
#[derive(Debug, Clone)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Checks the text; the error says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        check_length(text, LENGTH)?;
        check_no_control(text)?;
        canonical(text).map(Self).ok_or_else(|| Fault::new("is not a valid email address"))
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for EmailAddress {}

impl Hash for EmailAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn canonical(text: &str) -> Option<String> {
    let options = Options::default().without_display_text().without_domain_literal();
    let syntax = Syntax::parse_with_options(text, options).ok()?;
    let local = syntax.local_part();
    if !local.bytes().all(is_atom_or_dot) {
        return None;
    }
    let domain = canonical_domain(syntax.domain())?;
    let address = format!("{local}@{domain}");
    (address.len() <= MAX_CANONICAL_BYTES).then_some(address)
}

/// The syntax check also passes quoted strings, comments and other scripts before the `@`.
fn is_atom_or_dot(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte)
}

fn canonical_domain(domain: &str) -> Option<String> {
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .ok()?;
    let (_, top) = ascii.rsplit_once('.')?;
    // A numeric last label is an IPv4 address without its brackets.
    (!top.bytes().all(|b| b.is_ascii_digit())).then(|| ascii.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LENGTH_FAULT: &str = "must contain from 3-200 characters";
    const ADDRESS_FAULT: &str = "is not a valid email address";

    fn parse(text: &str) -> Result<String, String> {
        EmailAddress::parse(text).map(|email| email.0).map_err(|fault| fault.description().to_owned())
    }

    #[test]
    fn ordinary_addresses_are_kept() {
        for text in [
            "alice10@email.com",
            "a@b.co",
            "first.last+tag@sub.example.org",
            "o'brien@example.com",
            "x!#$%&'*+-/=?^_`{|}~@example.com",
        ] {
            assert_eq!(parse(text), Ok(text.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn the_domain_is_lowercased_and_the_local_part_is_not() {
        assert_eq!(parse("Alice@EXAMPLE.Com"), Ok("Alice@example.com".to_owned()));
    }

    #[test]
    fn a_domain_in_another_script_is_stored_in_ascii() {
        assert_eq!(parse("a@bücher.example"), Ok("a@xn--bcher-kva.example".to_owned()));
        assert_eq!(parse("a@BÜCHER.example"), Ok("a@xn--bcher-kva.example".to_owned()));
    }

    #[test]
    fn what_is_not_a_plain_address_is_refused() {
        for text in [
            "alice",
            "alice@",
            "@example.com",
            "Alice <alice@example.com>",
            "<alice@example.com>",
            "alice@example.com, bob@example.com",
            "alice @example.com",
            " alice@example.com",
            "alice@example.com ",
            "alice@@example.com",
            "a..b@example.com",
            ".a@example.com",
            "a.@example.com",
            "\"a b\"@example.com",
            "\"a\"@example.com",
            "a(comment)@example.com",
            "älice@example.com",
            "alice@localhost",
            "alice@[127.0.0.1]",
            "alice@127.0.0.1",
            "alice@example..com",
            "alice@.example.com",
            "alice@example.com.",
            "alice@-example.com",
            "alice@exa_mple.com",
            "alice@exa mple.com",
            "mailto:alice@example.com@",
        ] {
            assert_eq!(parse(text), Err(ADDRESS_FAULT.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn control_characters_are_refused() {
        for text in [
            "a\0b@example.com",
            "alice@example.com\r\nBcc: x@example.com",
            "alice\t@example.com",
            "a\u{85}@example.com",
        ] {
            assert_eq!(parse(text), Err("must not contain control characters".to_owned()), "{text:?}");
        }
    }

    #[test]
    fn an_address_has_3_to_200_characters() {
        assert_eq!(parse(""), Err(LENGTH_FAULT.to_owned()));
        assert_eq!(parse("a@"), Err(LENGTH_FAULT.to_owned()));
        let longest = format!("{}@{}.{}.example", "a".repeat(60), "b".repeat(63), "c".repeat(67 - 6 + 1));
        let longest = format!("{longest}{}", "x".repeat(200 - longest.len()));
        assert_eq!(longest.chars().count(), 200);
        assert_eq!(parse(&longest), Ok(longest.clone()));
        assert_eq!(parse(&format!("{longest}x")), Err(LENGTH_FAULT.to_owned()));
    }

    #[test]
    fn the_local_part_has_at_most_64_characters_and_a_label_63() {
        assert!(parse(&format!("{}@example.com", "a".repeat(64))).is_ok());
        assert_eq!(parse(&format!("{}@example.com", "a".repeat(65))), Err(ADDRESS_FAULT.to_owned()));
        assert!(parse(&format!("a@{}.com", "b".repeat(63))).is_ok());
        assert_eq!(parse(&format!("a@{}.com", "b".repeat(64))), Err(ADDRESS_FAULT.to_owned()));
    }

    #[test]
    fn a_domain_that_grows_too_long_in_ascii_is_refused() {
        let labels = vec!["ü".repeat(25); 7].join(".");
        assert!(labels.chars().count() < 190);
        assert_eq!(parse(&format!("a@{labels}.example")), Err(ADDRESS_FAULT.to_owned()));
    }

    #[test]
    fn addresses_that_differ_in_case_are_one_mailbox() {
        let (upper, lower) =
            (EmailAddress::parse("Alice@example.com"), EmailAddress::parse("alice@EXAMPLE.com"));
        assert_eq!(upper, lower);
        assert_ne!(upper, EmailAddress::parse("bob@example.com"));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_accepted_ones_are_plain_ascii_and_stable(text in any::<String>()) {
            if let Ok(email) = EmailAddress::parse(&text) {
                prop_assert!(email.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert_eq!(parse(email.as_str()), Ok(email.as_str().to_owned()));
            }
        }

        #[test]
        fn texts_that_look_like_addresses_never_panic(text in "[a-zäöü\"(\\\\ .<>@\\[\\]\u{0}-\u{1f}-]{0,12}@[a-zäöü.\\[\\]。-]{0,20}") {
            if let Ok(email) = EmailAddress::parse(&text) {
                prop_assert_eq!(email.as_str().matches('@').count(), 1);
                prop_assert_eq!(parse(email.as_str()), Ok(email.as_str().to_owned()));
            }
        }

        #[test]
        fn every_simple_address_is_accepted(local in "[a-z0-9]{1,20}", domain in "[a-z]{1,20}\\.[a-z]{2,6}") {
            let text = format!("{local}@{domain}");
            prop_assert_eq!(parse(&text), Ok(text.clone()));
        }
    }
}
