//! Strings in quotes, as Go's `%q` writes them: what does not print is escaped.

use std::fmt::Write as _;

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// The text in quotes.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        let short = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\x07' => "\\a",
            '\x08' => "\\b",
            '\x0c' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\x0b' => "\\v",
            _ if prints(c) => {
                out.push(c);
                continue;
            }
            _ => "",
        };
        out.push_str(short);
        if short.is_empty() {
            let code = u32::from(c);
            match code {
                0..0x80 => write!(out, "\\x{code:02x}"),
                0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            }
            .expect("a string takes any text");
        }
    }
    out.push('"');
    out
}

/// Letters, marks, numbers, punctuation, symbols, and of all spaces only the plain one.
fn prints(c: char) -> bool {
    use GeneralCategoryGroup::{Letter, Mark, Number, Punctuation, Symbol};
    c == ' ' || matches!(c.general_category_group(), Letter | Mark | Number | Punctuation | Symbol)
}

/// Reads a text in double quotes off the front, and gives it with what follows.
pub(crate) fn unquote(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut out = Vec::with_capacity(rest.len());
    loop {
        let plain = rest.find(['"', '\\', '\n'])?;
        out.extend_from_slice(&rest.as_bytes()[..plain]);
        match rest.as_bytes()[plain] {
            b'"' => return Some((String::from_utf8(out).ok()?, &rest[plain + 1..])),
            b'\\' => rest = unescape(&rest[plain + 1..], &mut out)?,
            _ => return None,
        }
    }
}

/// Reads what follows a backslash, and gives what follows that.
fn unescape<'a>(text: &'a str, out: &mut Vec<u8>) -> Option<&'a str> {
    let mut chars = text.chars();
    let (digits, radix) = match chars.next()? {
        'a' => return plain(out, b'\x07', &chars),
        'b' => return plain(out, b'\x08', &chars),
        'f' => return plain(out, b'\x0c', &chars),
        'n' => return plain(out, b'\n', &chars),
        'r' => return plain(out, b'\r', &chars),
        't' => return plain(out, b'\t', &chars),
        'v' => return plain(out, b'\x0b', &chars),
        '\\' => return plain(out, b'\\', &chars),
        '"' => return plain(out, b'"', &chars),
        'x' => (chars.as_str().get(..2)?, 16),
        'u' => (chars.as_str().get(..4)?, 16),
        'U' => (chars.as_str().get(..8)?, 16),
        '0'..='7' => (text.get(..3)?, 8),
        _ => return None,
    };
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let code = u32::from_str_radix(digits, radix).ok()?;
    if matches!(digits.len(), 2 | 3) {
        out.push(u8::try_from(code).ok()?);
    } else {
        out.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
    }
    let skipped = if radix == 8 { 3 } else { 1 + digits.len() };
    text.get(skipped..)
}

fn plain<'a>(out: &mut Vec<u8>, byte: u8, rest: &std::str::Chars<'a>) -> Option<&'a str> {
    out.push(byte);
    Some(rest.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        for (text, quoted) in [
            ("q", r#""q""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("a\nb\t\r\x07\x08\x0c\x0b", r#""a\nb\t\r\a\b\f\v""#),
            ("\x00\x1f\x7f", r#""\x00\x1f\x7f""#),
            ("é漢🦀'`\u{301}", "\"é漢🦀'`\u{301}\""),
            ("\u{a0}\u{200b}\u{202e}\u{ad}\u{e000}\u{2028}", r#""\u00a0\u200b\u202e\u00ad\ue000\u2028""#),
            ("\u{e0001}", r#""\U000e0001""#),
        ] {
            assert_eq!(quote(text), quoted);
            assert_eq!(unquote(quoted), Some((text.to_owned(), "")));
        }
    }

    #[test]
    fn whatever_go_reads_is_read_and_the_rest_is_left() {
        assert_eq!(unquote(r#""\x41\u00e9\U0001f980\101" tail"#), Some(("Aé🦀A".to_owned(), " tail")));
        for bad in [
            "",
            "a",
            "\"a",
            "\"a\nb\"",
            r#""\ud800""#,
            r#""\x4""#,
            r#""\777""#,
            r#""\q""#,
            r#""\xff""#,
            r#""\x+1""#,
        ] {
            assert_eq!(unquote(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_text_reads_back(text: String) {
            let quoted = quote(&text);
            prop_assert_eq!(unquote(&quoted), Some((text, "")));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\"[\\\\xuU\"0-9a-fé]{0,12}") {
            if let Some((read, rest)) = unquote(&text) {
                let whole = quote(&read) + rest;
                prop_assert_eq!(unquote(&whole), Some((read, rest)));
            }
        }
    }
}
