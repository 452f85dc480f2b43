//! Counts tests by what `cargo test` prints.

use std::collections::BTreeSet;

/// How many tests ran, and how they ended.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Tests marked as ignored.
    pub(crate) ignored: u64,
    /// The names of the tests that failed.
    pub(crate) failures: BTreeSet<String>,
}

impl Tally {
    /// Adds another count to this one.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.failures.extend(other.failures);
    }

    fn read_line(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += number_before(result, " passed;");
            self.failed += number_before(result, " failed;");
            self.ignored += number_before(result, " ignored;");
        } else if let Some((name, ending)) =
            line.strip_prefix("test ").and_then(|test| test.split_once(" ... "))
            && ending.contains("FAILED")
        {
            self.failures.insert(name.to_owned());
        }
    }
}

/// Reads output in whatever pieces it comes.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    tally: Tally,
    line: Vec<u8>,
}

impl Counter {
    /// Reads the next piece.
    pub(crate) fn read(&mut self, piece: &[u8]) {
        let mut lines = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = lines.next() {
            self.line.extend_from_slice(part);
            if lines.peek().is_some() {
                self.end_line();
            }
        }
    }

    /// What all the pieces came to.
    pub(crate) fn finish(mut self) -> Tally {
        self.end_line();
        self.tally
    }

    fn end_line(&mut self) {
        self.tally.read_line(&String::from_utf8_lossy(&self.line));
        self.line.clear();
    }
}

fn number_before(text: &str, label: &str) -> u64 {
    let before = text.split_once(label).map_or("", |(before, _)| before);
    let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(pieces: &[&str]) -> Tally {
        let mut counter = Counter::default();
        for piece in pieces {
            counter.read(piece.as_bytes());
        }
        counter.finish()
    }

    const PASSED: &str =
        "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";

    #[test]
    fn results_of_several_programs_add_up() {
        let tally = count(&[
            "running 13 tests\ntest a ... ok\n\n",
            PASSED,
            "\n\ntest result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n",
        ]);
        assert_eq!((tally.passed, tally.failed, tally.ignored), (13, 2, 1));
    }

    #[test]
    fn a_line_may_come_in_pieces_and_end_without_a_break() {
        let (first, second) = PASSED.split_at(20);
        assert_eq!(count(&[first, second]).passed, 12);
    }

    #[test]
    fn colours_do_not_hide_a_result() {
        let tally = count(&[
            "test result: \u{1b}[32mok\u{1b}(B\u{1b}[m. 7 passed; 0 failed; 0 ignored; 0 measured\n",
        ]);
        assert_eq!(tally.passed, 7);
    }

    #[test]
    fn failures_are_remembered_by_name() {
        let tally =
            count(&["test bank::pays ... \u{1b}[31mFAILED\u{1b}(B\u{1b}[m\ntest bank::opens ... ok\n"]);
        assert_eq!(tally.failures.into_iter().collect::<Vec<_>>(), ["bank::pays"]);
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(
            count(&["I said: test result: ok. 3 passed; 0 failed;\n12 passed; 3 failed;\n"]),
            Tally::default()
        );
    }
}
