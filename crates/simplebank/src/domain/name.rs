//! How a user is called: the username that identifies, and the full name that is shown.

use super::text::check_length;
use super::violation::Fault;
use std::fmt;
use std::ops::RangeInclusive;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

const USERNAME_LENGTH: RangeInclusive<usize> = 3..=100;
const FULL_NAME_LENGTH: RangeInclusive<usize> = 3..=100;

/// What stands in a name besides letters: the space (and the wide one that East Asian keyboards
/// type), O'Brien (and the apostrophe that phones type), Anne-Marie, Martin Luther King Jr.
const NAME_SIGNS: [char; 6] = [' ', '\u{3000}', '\'', '\u{2019}', '-', '.'];

/// A valid username: 3-100 characters of `a-z`, `0-9` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// Checks the text; the error says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        check_length(text, USERNAME_LENGTH)?;
        if text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::new("must contain only lowercase letters, digits, or underscore"))
        }
    }

    /// The username as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A valid full name: 3-100 characters; letters of any script with their marks, spaces, apostrophes,
/// hyphens and periods; at least one letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullName(String);

impl FullName {
    /// Checks the text; the error says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        check_length(text, FULL_NAME_LENGTH)?;
        if !text.chars().all(is_name_character) {
            return Err(Fault::new("must contain only letters, spaces, apostrophes, hyphens, or periods"));
        }
        if !text.chars().any(|c| c.general_category_group() == GeneralCategoryGroup::Letter) {
            return Err(Fault::new("must contain at least one letter"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Marks belong to the letters they stand on; without them most Indic names and every decomposed
/// accent would be refused.
fn is_name_character(c: char) -> bool {
    let group = c.general_category_group();
    NAME_SIGNS.contains(&c) || matches!(group, GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LENGTH: &str = "must contain from 3-100 characters";
    const USERNAME_CHARACTERS: &str = "must contain only lowercase letters, digits, or underscore";
    const NAME_CHARACTERS: &str = "must contain only letters, spaces, apostrophes, hyphens, or periods";

    fn username(text: &str) -> Result<String, String> {
        Username::parse(text).map(|name| name.0).map_err(|fault| fault.description().to_owned())
    }

    fn full_name(text: &str) -> Result<String, String> {
        FullName::parse(text).map(|name| name.0).map_err(|fault| fault.description().to_owned())
    }

    #[test]
    fn a_username_has_3_to_100_characters() {
        for length in 0..=250 {
            let text = "a".repeat(length);
            let expected =
                if (3..=100).contains(&length) { Ok(text.clone()) } else { Err(LENGTH.to_owned()) };
            assert_eq!(username(&text), expected, "length {length}");
        }
    }

    #[test]
    fn a_username_has_lowercase_letters_digits_and_underscores_only() {
        assert_eq!(username("alice_10"), Ok("alice_10".to_owned()));
        for text in ["Alice", "al ice", "al-ice", "álice", "ali\0ce", "alice\n", "ａｌｉｃｅ", "al/ice"]
        {
            assert_eq!(username(text), Err(USERNAME_CHARACTERS.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_full_name_has_3_to_100_characters_and_not_bytes() {
        for length in 0..=250 {
            let text = "é".repeat(length);
            let expected =
                if (3..=100).contains(&length) { Ok(text.clone()) } else { Err(LENGTH.to_owned()) };
            assert_eq!(full_name(&text), expected, "length {length}");
        }
    }

    #[test]
    fn names_of_many_scripts_are_names() {
        for text in [
            "Alice Ten",
            "José Ñandú",
            "Jose\u{301}",
            "王小明",
            "Мария-Луиза",
            "नरेन्द्र मोदी",
            "O'Brien",
            "O’Brien Jr.",
            "山田　太郎",
        ] {
            assert_eq!(full_name(text), Ok(text.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_full_name_has_no_digits_signs_controls_or_invisible_characters() {
        for text in [
            "Alice10",
            "Al<b>ice",
            "Alice\0",
            "Alice\tTen",
            "Alice\nTen",
            "Alice\u{85}Ten",
            "Al\u{202e}ice",
            "Al\u{200b}ice",
            "Alice🦀",
            "a\u{a0}b c",
        ] {
            assert_eq!(full_name(text), Err(NAME_CHARACTERS.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_full_name_has_a_letter() {
        for text in ["   ", "- .", "'''", "\u{301}\u{301}\u{301}"] {
            assert_eq!(full_name(text), Err("must contain at least one letter".to_owned()), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_accepted_is_unchanged(text in any::<String>()) {
            if let Ok(name) = Username::parse(&text) {
                prop_assert_eq!(name.as_str(), &text);
            }
            if let Ok(name) = FullName::parse(&text) {
                prop_assert_eq!(name.as_str(), &text);
                prop_assert!(!text.contains(char::is_control));
            }
        }

        #[test]
        fn every_text_of_the_username_pattern_is_a_username(text in "[a-z0-9_]{3,100}") {
            prop_assert!(Username::parse(&text).is_ok());
        }

        #[test]
        fn every_text_of_letters_and_spaces_is_a_full_name(text in "[a-zA-Zà-öа-яα-ω一-龥][a-zA-Zà-öа-яα-ω一-龥 ]{2,99}") {
            prop_assert!(FullName::parse(&text).is_ok());
        }
    }
}
