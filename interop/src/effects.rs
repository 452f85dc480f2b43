//! The effect log: what handlers did, in whichever language, for an auditor who has to explain every execution.
//!
//! A line is `ID ATTEMPT start|end UNIX_NANOSECONDS PID lang=LANGUAGE type=TYPE [outcome=OUTCOME] [payload=BASE64URL]`,
//! with ID and TYPE escaped as in a URL's path, appended with one write. A handler of ours that takes part in an audit
//! writes the same lines.

use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The task.
    pub id: String,
    /// How often the task had been retried before.
    pub attempt: u32,
    /// Whether the execution began or ended.
    pub moment: Moment,
    /// When, in Unix nanoseconds.
    pub at_ns: i64,
    /// The worker's process id.
    pub pid: u32,
    /// `go` or `rust`.
    pub language: String,
    /// The task's type.
    pub task_type: String,
    /// The members, where an aggregated task starts.
    pub payload: Option<Vec<u8>>,
}

/// Which end of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// The handler was called.
    Start,
    /// The handler returned: `ok`, `error`, `stopped` (an error once its context was done) or `panic`.
    End {
        /// How.
        outcome: String,
    },
}

/// Reads a log. A file that is not there is an empty one.
pub fn read(path: &Path) -> anyhow::Result<Vec<Effect>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    text.lines().map(|line| parse(line).with_context(|| format!("not an effect: {line}"))).collect()
}

fn parse(line: &str) -> anyhow::Result<Effect> {
    let mut words = line.split(' ');
    let mut word = |what: &'static str| words.next().with_context(|| format!("no {what}"));
    let id = unescape(word("id")?)?;
    let attempt = word("attempt")?.parse().context("the attempt is no number")?;
    let moment = word("moment")?;
    let at_ns = word("time")?.parse().context("the time is no number")?;
    let pid = word("pid")?.parse().context("the pid is no number")?;
    let named: Vec<(&str, &str)> = words.filter_map(|word| word.split_once('=')).collect();
    let find = |name: &str| named.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
    let moment = match moment {
        "start" => Moment::Start,
        "end" => Moment::End { outcome: find("outcome").context("no outcome")?.to_owned() },
        other => bail!("{other} is no moment"),
    };
    Ok(Effect {
        id,
        attempt,
        moment,
        at_ns,
        pid,
        language: find("lang").context("no language")?.to_owned(),
        task_type: unescape(find("type").context("no type")?)?,
        payload: find("payload").map(|payload| URL_SAFE_NO_PAD.decode(payload)).transpose()?,
    })
}

fn unescape(text: &str) -> anyhow::Result<String> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    Ok(decoded.context("not UTF-8")?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_meant() {
        let start =
            parse("a%20b 2 start 1795166901329652095 3178 lang=go type=agg:done payload=W10").unwrap();
        assert_eq!(
            start,
            Effect {
                id: "a b".into(),
                attempt: 2,
                moment: Moment::Start,
                at_ns: 1_795_166_901_329_652_095,
                pid: 3178,
                language: "go".into(),
                task_type: "agg:done".into(),
                payload: Some(b"[]".to_vec()),
            }
        );
        let end = parse("1 0 end 5 7 lang=rust type=ok: outcome=panic").unwrap();
        assert_eq!(end.moment, Moment::End { outcome: "panic".into() });
    }

    #[test]
    fn broken_lines_are_refused() {
        for line in ["", "1 0 start", "1 x start 5 7 lang=go type=a", "1 0 end 5 7 lang=go type=a"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn missing_file_is_an_empty_log() {
        assert_eq!(read(Path::new("no/such/file")).unwrap(), []);
    }
}
