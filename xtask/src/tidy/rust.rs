//! Rules about the shape of one Rust file.

use crate::finding::Finding;
use crate::source::{Purpose, Source, is_test_file};

/// Above this many lines a file is an error.
const LINES_MAX: usize = 600;
/// Above this many lines a file deserves the question which second idea lives in it.
const LINES_WORTH_A_LOOK: usize = 400;

/// A row of tokens that stands nowhere, tests included.
struct Forbidden {
    tokens: &'static [&'static str],
    what: &'static str,
    remedy: &'static str,
}

const FINISH_IT: &str = "finish it, or leave the whole feature out until it can be finished";

const FORBIDDEN: &[Forbidden] = &[
    Forbidden { tokens: &["todo", "!"], what: "`todo!`", remedy: FINISH_IT },
    Forbidden { tokens: &["unimplemented", "!"], what: "`unimplemented!`", remedy: FINISH_IT },
    Forbidden {
        tokens: &["dbg", "!"],
        what: "`dbg!`",
        remedy: "remove it, or log what an operator should see",
    },
    Forbidden {
        tokens: &["#", "[", "ignore"],
        what: "an ignored test",
        remedy: "make the test work, or delete it: a test that never runs only looks like one",
    },
    Forbidden {
        tokens: &["#", "[", "allow", "("],
        what: "`#[allow(..)]`",
        remedy: "use `#[expect(.., reason = \"..\")]`, which says why and complains once it is needless",
    },
    Forbidden {
        tokens: &["#", "!", "[", "allow", "("],
        what: "`#![allow(..)]`",
        remedy: "use `#[expect(.., reason = \"..\")]` on the item that needs it",
    },
];

/// Judges one file.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut findings: Vec<Finding> = FORBIDDEN
        .iter()
        .flat_map(|forbidden| {
            source.find(forbidden.tokens).map(|token| {
                let place = format!("{}:{}", source.path, token.line);
                Finding::error(place, format!("{} is left in the code", forbidden.what), forbidden.remedy)
            })
        })
        .collect();
    findings.extend(says_what_it_is_for(source));
    findings.extend(is_short(source));
    findings.extend(tests_behind_features(source));
    findings
}

fn says_what_it_is_for(source: &Source) -> Option<Finding> {
    let first = source.text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//!").is_some_and(|words| !words.trim().is_empty());
    let problem = || {
        Finding::error(
            source.path.as_str(),
            "the first line does not say what the file is for",
            "begin the file with a `//!` line",
        )
    };
    (!says).then(problem)
}

fn is_short(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().count();
    let place = source.path.as_str();
    if lines > LINES_MAX {
        let problem = format!("{lines} lines, more than {LINES_MAX}");
        Some(Finding::error(place, problem, "split it: one idea per file"))
    } else if lines > LINES_WORTH_A_LOOK {
        let problem = format!("{lines} lines, more than {LINES_WORTH_A_LOOK}");
        Some(Finding::warning(place, problem, "ask which second idea lives here"))
    } else {
        None
    }
}

/// CI finds the tests that need a feature by their target's `required-features`. A `cfg` inside the file compiles them
/// away without a word instead.
fn tests_behind_features(source: &Source) -> Vec<Finding> {
    let in_tests = is_test_file(&source.path);
    let alone =
        source.find(&["cfg", "(", "feature"]).filter(|token| token.purpose == Purpose::Test && in_tests);
    let combined = source.find(&["cfg", "(", "all", "(", "test", ",", "feature"]);
    alone
        .chain(combined)
        .map(|token| {
            Finding::error(
                format!("{}:{}", source.path, token.line),
                "a test behind `cfg(feature = ..)` is never run by CI",
                "move it to a `[[test]]` target with `required-features`",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use cargo_metadata::camino::Utf8Path;

    use super::*;

    fn problems_in(path: &str, text: &str) -> Vec<String> {
        let source = Source::parse(Utf8Path::new(path), text.to_owned()).unwrap();
        check(&source).iter().map(ToString::to_string).collect()
    }

    fn problems(text: &str) -> Vec<String> {
        problems_in("crates/a/src/b.rs", text)
    }

    #[test]
    fn a_tidy_file_has_no_findings() {
        let text = "//! Adds.\n\n#[expect(dead_code, reason = \"an example\")]\nfn add() {}\n";
        assert_eq!(problems(text), Vec::<String>::new());
    }

    #[test]
    fn what_is_left_over_is_found_with_its_line() {
        for (code, what) in [
            ("fn f() { todo!() }", "`todo!`"),
            ("fn f() { unimplemented!() }", "`unimplemented!`"),
            ("fn f() { dbg!(1); }", "`dbg!`"),
            ("#[test]\n#[ignore = \"slow\"]\nfn f() {}", "an ignored test"),
            ("#[test] #[ignore] fn f() {}", "an ignored test"),
            ("#[allow(unused)] fn f() {}", "`#[allow(..)]`"),
            ("#![allow(unused)]\nfn f() {}", "`#![allow(..)]`"),
        ] {
            let problems = problems(&format!("//! Doc.\n{code}\n"));
            assert_eq!(problems.len(), 1, "{code}: {problems:?}");
            assert!(problems[0].contains(what), "{code}: {problems:?}");
            assert!(problems[0].starts_with("error: crates/a/src/b.rs:"), "{code}: {problems:?}");
        }
    }

    #[test]
    fn a_file_begins_by_saying_what_it_is_for() {
        for text in ["fn f() {}\n", "//!\nfn f() {}\n", "\n//! Late.\n", "// No doc.\n"] {
            assert!(problems(text)[0].contains("does not say what the file is for"), "{text:?}");
        }
    }

    #[test]
    fn long_files_are_listed_and_too_long_ones_refused() {
        let file = |lines: usize| format!("//! Doc.\n{}", "fn f() {}\n".repeat(lines - 1));
        assert_eq!(problems(&file(LINES_WORTH_A_LOOK)), Vec::<String>::new());
        assert!(problems(&file(LINES_WORTH_A_LOOK + 1))[0].starts_with("warning:"));
        assert!(problems(&file(LINES_MAX))[0].starts_with("warning:"));
        assert!(problems(&file(LINES_MAX + 1))[0].starts_with("error:"));
    }

    #[test]
    fn a_test_file_behind_a_feature_is_found() {
        let text = "//! Doc.\n#![cfg(feature = \"failpoints\")]\n";
        assert!(problems_in("crates/a/tests/kill.rs", text)[0].contains("never run by CI"));
        assert_eq!(problems(text), Vec::<String>::new());
    }

    #[test]
    fn a_test_module_behind_a_feature_is_found() {
        let text = "//! Doc.\n#[cfg(all(test, feature = \"failpoints\"))]\nmod tests {}\n";
        assert!(problems(text)[0].contains("never run by CI"));
    }
}
