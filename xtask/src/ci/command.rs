//! Runs one command: its output is seen as it comes, and its tests are counted.

use std::io::{self, IsTerminal as _, Read, Write};
use std::process::Stdio;

use anyhow::Context as _;
use cargo_metadata::camino::Utf8Path;

use super::bound::{Deadline, OUT_OF_TIME, Watcher, bounded};
use super::tally::{Counter, Tally};

/// How much output is passed on at a time.
const CHUNK_BYTES: usize = 8 * 1024;

/// What `cargo run` puts into our environment about this very program. Some build scripts watch these names: passed on,
/// they would make cargo compile again what it has already compiled from a shell.
pub(crate) const ABOUT_OURSELVES: &[&str] = &[
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_LICENSE_FILE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// A command that a step runs.
#[derive(Debug)]
pub(crate) struct Command {
    words: Vec<String>,
    variables: Vec<(&'static str, &'static str)>,
    output: Output,
}

/// Where a command's standard output goes. Its standard error always goes to ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    /// To ours, untouched.
    Direct,
    /// To ours, past a counter of tests.
    Counted,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when it ended well, else what to say about it.
    pub(crate) fault: Option<String>,
    /// The tests that it ran.
    pub(crate) tally: Tally,
}

impl Command {
    /// A command made of these words, the program first.
    pub(crate) fn new(words: Vec<String>) -> Self {
        Self { words, variables: Vec::new(), output: Output::Direct }
    }

    /// `cargo` with these arguments.
    pub(crate) fn cargo<'a>(args: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(std::iter::once("cargo").chain(args).map(str::to_owned).collect())
    }

    /// `cargo test` with these arguments; every test is run and counted, whichever fails before it.
    pub(crate) fn cargo_test<'a>(args: impl IntoIterator<Item = &'a str>) -> Self {
        let mut command = Self::cargo(["test", "--no-fail-fast"].into_iter().chain(args));
        if io::stdout().is_terminal() {
            // The tests write into our pipe, and would leave their colours out.
            command.words.extend(["--", "--color=always"].map(str::to_owned));
        }
        command.output = Output::Counted;
        command
    }

    /// The same command with a variable in its environment.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// The command as one would type it.
    pub(crate) fn line(&self) -> String {
        let variables = self.variables.iter().map(|(name, value)| format!("{name}='{value}' "));
        format!("{}{}", variables.collect::<String>(), self.words.join(" "))
    }

    /// Runs the command in a directory.
    pub(crate) fn run(&self, directory: &Utf8Path, deadline: &Deadline) -> Ended {
        println!("$ {}", self.line());
        self.try_run(directory, deadline)
            .unwrap_or_else(|error| Ended::badly(format!("{error:#}"), Tally::default()))
    }

    fn try_run(&self, directory: &Utf8Path, deadline: &Deadline) -> anyhow::Result<Ended> {
        let Some(left) = deadline.left() else {
            return Ok(Ended::badly("no time left to start it".to_owned(), Tally::default()));
        };
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let mut command = bounded(&words, left, Watcher::of_this_run());
        let program = command.get_program().to_owned();
        for name in ABOUT_OURSELVES {
            command.env_remove(name);
        }
        command.current_dir(directory).envs(self.variables.iter().copied());
        if self.output == Output::Counted {
            command.stdout(Stdio::piped());
        }
        io::stdout().flush().context("cannot write to standard output")?;
        let mut child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let tally = match child.stdout.take() {
            Some(output) => pass_on(output, io::stdout())?,
            None => Tally::default(),
        };
        let status = child.wait().with_context(|| format!("cannot wait for {}", program.display()))?;
        Ok(match status.code() {
            Some(0) => Ended { fault: None, tally },
            Some(OUT_OF_TIME) => Ended::badly("out of time".to_owned(), tally),
            Some(code) => Ended::badly(format!("exit code {code}"), tally),
            None => Ended::badly(status.to_string(), tally),
        })
    }
}

impl Ended {
    /// Whether the command did what it should.
    pub(crate) fn is_well(&self) -> bool {
        self.fault.is_none()
    }

    fn badly(fault: String, tally: Tally) -> Self {
        println!("{fault}");
        Self { fault: Some(fault), tally }
    }
}

/// Copies the output on as it comes, and counts the tests in it.
fn pass_on(mut output: impl Read, mut to: impl Write) -> anyhow::Result<Tally> {
    let mut counter = Counter::default();
    let mut chunk = [0; CHUNK_BYTES];
    loop {
        let length = output.read(&mut chunk).context("cannot read the output of the tests")?;
        if length == 0 {
            return Ok(counter.finish());
        }
        to.write_all(&chunk[..length]).and_then(|()| to.flush()).context("cannot pass output on")?;
        counter.read(&chunk[..length]);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shell(script: &str) -> Command {
        Command { output: Output::Counted, ..Command::new(["sh", "-c", script].map(str::to_owned).to_vec()) }
    }

    fn run(command: &Command, limit: Duration) -> Ended {
        command.run(Utf8Path::new("."), &Deadline::after(limit))
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn output_is_passed_on_unchanged_and_its_tests_are_counted() {
        let output = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\n";
        let mut copy = Vec::new();
        let tally = pass_on(output.as_bytes(), &mut copy).unwrap();
        assert_eq!((tally.passed, String::from_utf8(copy).unwrap().as_str()), (3, output));
    }

    #[test]
    fn a_good_exit_code_is_no_fault() {
        assert!(run(&shell("exit 0"), LONG).is_well());
    }

    #[test]
    fn a_bad_exit_code_is_a_fault_that_names_it() {
        assert_eq!(run(&shell("exit 3"), LONG).fault.as_deref(), Some("exit code 3"));
    }

    #[test]
    fn a_program_that_is_missing_is_a_fault() {
        assert!(!run(&Command::new(vec!["no-such-program-anywhere".to_owned()]), LONG).is_well());
    }

    #[test]
    fn variables_reach_the_command() {
        assert!(run(&shell("test \"$GREETING\" = hello").with("GREETING", "hello"), LONG).is_well());
    }

    #[test]
    fn nothing_is_started_after_the_deadline() {
        let ended = run(&shell("true"), Duration::ZERO);
        assert_eq!(ended.fault.as_deref(), Some("no time left to start it"));
    }
}
