//! The format of `app.env`: a `KEY=value` per line.
//!
//! A value goes to the end of its line, spaces within included; a `#` after a space starts a comment. Quotes keep
//! everything: within `'...'` nothing is special, within `"..."` `\n`, `\"`, `\\` and `\$` are. Variables are not
//! expanded. (The `.env` libraries refuse `EMAIL_SENDER_NAME=Simple Bank`, look into the process environment, and
//! know no line numbers.)

/// One setting in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The line, counted from 1.
    pub(super) line: usize,
    /// The key.
    pub(super) name: String,
    /// The value, quotes taken off.
    pub(super) value: String,
}

/// A line that is no setting, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadLine {
    /// The line, counted from 1.
    pub(super) line: usize,
    /// What was expected. Never quotes the line, which may hold a secret.
    pub(super) problem: &'static str,
}

/// Reads a file, good lines and bad ones.
pub(super) fn parse(text: &str) -> (Vec<Entry>, Vec<BadLine>) {
    let (mut entries, mut bad) = (Vec::new(), Vec::new());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        match setting(content) {
            Ok((name, value)) => entries.push(Entry { line, name, value }),
            Err(problem) => bad.push(BadLine { line, problem }),
        }
    }
    (entries, bad)
}

fn setting(content: &str) -> Result<(String, String), &'static str> {
    let content = content.strip_prefix("export ").unwrap_or(content);
    let (name, value) = content.split_once('=').ok_or("expected KEY=value")?;
    let name = name.trim();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(word) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("expected KEY=value, with letters, digits and '_' in the key");
    }
    let value = value.trim();
    let value = match value.chars().next() {
        Some('\'') => single_quoted(&value[1..])?,
        Some('"') => double_quoted(&value[1..])?,
        _ => unquoted(value)?,
    };
    Ok((name.to_owned(), value))
}

const NO_VARIABLES: &str = "variables are not expanded: write the value, or put it into '...'";
const NO_END: &str = "expected a closing quote";

fn unquoted(value: &str) -> Result<String, &'static str> {
    let mut end = value.len();
    for (at, _) in value.match_indices('#') {
        if at == 0 || value[..at].ends_with(char::is_whitespace) {
            end = at;
            break;
        }
    }
    let value = value[..end].trim_end();
    if value.contains("${") {
        return Err(NO_VARIABLES);
    }
    Ok(value.to_owned())
}

fn single_quoted(rest: &str) -> Result<String, &'static str> {
    let (value, rest) = rest.split_once('\'').ok_or(NO_END)?;
    nothing_more(rest)?;
    Ok(value.to_owned())
}

fn double_quoted(rest: &str) -> Result<String, &'static str> {
    let mut value = String::new();
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                nothing_more(chars.as_str())?;
                return Ok(value);
            }
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some(c @ ('"' | '\\' | '$')) => value.push(c),
                _ => return Err("expected n, \", \\ or $ after a backslash"),
            },
            '$' if chars.as_str().starts_with('{') => return Err(NO_VARIABLES),
            c => value.push(c),
        }
    }
    Err(NO_END)
}

fn nothing_more(rest: &str) -> Result<(), &'static str> {
    let trimmed = rest.trim_start();
    let comment = trimmed.starts_with('#') && trimmed.len() < rest.len();
    match trimmed.is_empty() || comment {
        true => Ok(()),
        false => Err("expected nothing but a comment after the closing quote"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> Result<String, &'static str> {
        let (mut entries, mut bad) = parse(&format!("KEY={line}"));
        match (entries.pop(), bad.pop()) {
            (Some(entry), None) => Ok(entry.value),
            (None, Some(bad)) => Err(bad.problem),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lines_are_counted_and_comments_left_out() {
        let text =
            "\u{feff}# comment\r\n\r\nA=1\r\n  B = two words  # comment\nexport C=3\nnonsense\n1=2\n=x\nD=\n";
        let (entries, bad) = parse(text);
        let entries: Vec<_> = entries.iter().map(|e| (e.line, e.name.as_str(), e.value.as_str())).collect();
        assert_eq!(entries, [(3, "A", "1"), (4, "B", "two words"), (5, "C", "3"), (9, "D", "")]);
        assert_eq!(bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [6, 7, 8]);
    }

    #[test]
    fn values_keep_what_belongs_to_them() {
        let cases = [
            ("Simple Bank", "Simple Bank"),
            ("a#b", "a#b"),
            ("a=b=c", "a=b=c"),
            ("# all comment", ""),
            (
                "postgresql://root:se$cret@h/db?sslmode=disable",
                "postgresql://root:se$cret@h/db?sslmode=disable",
            ),
            ("'a # ${b} \\n \"'", "a # ${b} \\n \""),
            ("\"a # b\\n\\\"\\$\\\\\" # comment", "a # b\n\"$\\"),
            ("''", ""),
            ("ü  ", "ü"),
        ];
        for (written, meant) in cases {
            assert_eq!(value(written).as_deref(), Ok(meant), "{written}");
        }
    }

    #[test]
    fn unclear_values_are_refused() {
        for bad in [
            "'open",
            "\"open",
            "\"open\\\"",
            "'a'b",
            "\"a\" b",
            "'a'#b",
            "${HOME}/x",
            "\"${HOME}\"",
            "\"\\t\"",
        ] {
            assert!(value(bad).is_err(), "{bad}");
        }
    }
}
