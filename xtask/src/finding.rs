//! What a check has to say: a place, what is wrong there, and what to do about it.

use std::fmt;
use std::process::ExitCode;

/// One thing a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    severity: Severity,
    place: String,
    problem: String,
    remedy: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Error,
    Warning,
}

impl Finding {
    /// A finding that fails the check.
    pub(crate) fn error(
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            place: place.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// A finding that is worth a look and fails nothing.
    pub(crate) fn warning(
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, problem, remedy) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}: {}\n    {}", self.place, self.problem, self.remedy)
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing that fails it.
    Clean,
    /// At least one error.
    Faulty,
}

impl Verdict {
    /// The exit code of a command that ended so.
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Clean => ExitCode::SUCCESS,
            Self::Faulty => ExitCode::FAILURE,
        }
    }
}

/// Prints the findings, warnings first, and a line that says what was checked and how it ended.
pub(crate) fn report(check: &str, scope: &str, mut findings: Vec<Finding>) -> Verdict {
    findings.sort_by_key(|finding| (finding.severity == Severity::Error, finding.place.clone()));
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    println!("{check}: {scope}: {errors} errors, {warnings} warnings");
    if errors == 0 { Verdict::Clean } else { Verdict::Faulty }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_alone_leave_a_check_clean() {
        assert_eq!(
            report("tidy", "1 file", vec![Finding::warning("a.rs", "long", "split it")]),
            Verdict::Clean
        );
    }

    #[test]
    fn one_error_makes_a_check_faulty() {
        let findings =
            vec![Finding::warning("a.rs", "long", "split it"), Finding::error("b.rs", "bad", "mend it")];
        assert_eq!(report("tidy", "2 files", findings), Verdict::Faulty);
    }

    #[test]
    fn a_finding_names_the_place_the_problem_and_the_remedy() {
        let text = Finding::error("a.rs:3", "`todo!` is left", "finish it").to_string();
        assert_eq!(text, "error: a.rs:3: `todo!` is left\n    finish it");
    }
}
