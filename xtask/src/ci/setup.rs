//! Sees to it that what the steps need is there: packages before the first step, tools before their own. Remembers what
//! is missing.

use super::apt::Apt;
use super::bound::Deadline;
use super::outcome::{Outcome, Skip};
use super::packages::{Package, Suite};
use super::programs::Program;
use super::steps::{Need, Step};
use super::tools::Tool;
use crate::workspace::Workspace;

/// Whether the user lets us install things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    Given,
    Refused,
}

/// What is there, what may be installed, and what the run has to do without.
pub(crate) struct Setup<'a> {
    workspace: &'a Workspace,
    consent: Consent,
    deadline: &'a Deadline,
    skips: Vec<Skip>,
}

const REFUSED: &str = "not installed, and AFTERCOMMIT_INSTALL=0 forbids installing it";
const INSTALL_FAILED: &str = "not installed, and installing it failed";

impl<'a> Setup<'a> {
    /// A setup that lacks nothing yet.
    pub(crate) fn new(workspace: &'a Workspace, consent: Consent, deadline: &'a Deadline) -> Self {
        Self { workspace, consent, deadline, skips: Vec::new() }
    }

    /// Installs the packages of these steps' suites. What cannot be had is said, and its suites are skipped.
    pub(crate) fn provide_packages(&mut self, steps: &[&Step]) -> Outcome {
        let suites = steps.iter().flat_map(|step| step.needs).filter_map(|need| match need {
            Need::Suite(suite) | Need::Whole(suite) => Some(*suite),
            Need::Tool(_) | Need::Program(_) => None,
        });
        let mut missing: Vec<&Suite> = suites.filter(|suite| !suite.can_run()).collect();
        // Several steps may need the same one.
        missing.sort_by_key(|suite| suite.name);
        missing.dedup_by_key(|suite| suite.name);
        let Err(why) = self.install(&missing) else { return Outcome::passed() };
        for suite in missing.iter().filter(|suite| !suite.can_run()) {
            self.skip(skip_of_suite(suite, why));
        }
        Outcome::skipped()
    }

    /// Whether a step can run at all. Its tools are installed; of its packages this was tried before the first step, and
    /// what is missing was said. What cannot be had makes the outcome of the step.
    pub(crate) fn prepare(&mut self, step: &Step) -> Result<(), Outcome> {
        for need in step.needs {
            match need {
                Need::Suite(_) => {}
                Need::Whole(suite) if suite.can_run() => {}
                Need::Whole(_) => return Err(Outcome::skipped()),
                Need::Tool(tool) => {
                    if let Err(why) = self.install_tool(tool) {
                        self.skip(skip_of_tool(step, tool, why));
                        return Err(Outcome::skipped());
                    }
                }
                Need::Program(program) if program.is_installed() => {}
                Need::Program(program) => {
                    self.skip(skip_without_program(step, program));
                    return Err(Outcome::skipped());
                }
            }
        }
        Ok(())
    }

    /// Everything that was missing.
    pub(crate) fn into_skips(self) -> Vec<Skip> {
        self.skips
    }

    fn skip(&mut self, skip: Skip) {
        println!("{skip}");
        self.skips.push(skip);
    }

    fn install(&self, suites: &[&Suite]) -> Result<(), &'static str> {
        let packages = suites.iter().flat_map(|suite| suite.packages);
        let mut packages: Vec<&Package> = packages.filter(|package| !package.is_installed()).collect();
        packages.sort_by_key(|package| package.apt_name);
        packages.dedup_by_key(|package| package.apt_name);
        if packages.is_empty() {
            return Ok(());
        }
        if self.consent == Consent::Refused {
            return Err(REFUSED);
        }
        let names: Vec<&str> = packages.iter().map(|package| package.apt_name).collect();
        let wanted_by: Vec<&str> = suites.iter().map(|suite| suite.name).collect();
        let [update, install] = Apt::find().commands(&names)?;
        println!(
            "setup: installing {} for {}, with apt-get (AFTERCOMMIT_INSTALL=0 forbids it)",
            names.join(" "),
            wanted_by.join(", ")
        );
        // Lists that could not be brought up to date may still be good enough: the install decides.
        update.run(self.workspace.root(), self.deadline);
        let installed = install.run(self.workspace.root(), self.deadline).is_well();
        if installed && packages.iter().all(|package| package.is_installed()) {
            Ok(())
        } else {
            Err(INSTALL_FAILED)
        }
    }

    fn install_tool(&self, tool: &Tool) -> Result<(), &'static str> {
        let tools = self.workspace.tools();
        if tool.program(&tools).is_some() {
            return Ok(());
        }
        if self.consent == Consent::Refused {
            return Err(REFUSED);
        }
        println!("building {} into {tools} ({}; AFTERCOMMIT_INSTALL=0 forbids it)", tool.name, tool.price);
        let built = tool.install(&tools).run(self.workspace.root(), self.deadline).is_well();
        if built && tool.program(&tools).is_some() { Ok(()) } else { Err(INSTALL_FAILED) }
    }
}

fn skip_of_suite(suite: &Suite, why: &str) -> Skip {
    let packages = suite.apt_names();
    let verb = if suite.packages.len() == 1 { "is" } else { "are" };
    Skip::new(suite.name, format!("{packages} {verb} {why}; apt-get install {packages}"))
}

fn skip_of_tool(step: &Step, tool: &Tool, why: &str) -> Skip {
    Skip::new(step.name, format!("{} is {why}; cargo install {} --locked", tool.name, tool.name))
}

fn skip_without_program(step: &Step, program: &Program) -> Skip {
    Skip::new(step.name, format!("{} is not installed; {}", program.name, program.remedy))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::outcome::Ending;
    use super::super::steps::{Action, OnFailure};
    use super::super::{STEPS, packages, programs, tools};
    use super::*;
    use crate::workspace::on_disk::workspace;

    #[test]
    fn a_skipped_suite_is_one_line_with_the_reason_and_the_package() {
        assert_eq!(
            skip_of_suite(&packages::SMTP, REFUSED).to_string(),
            "skipped: smtp (python3-aiosmtpd is not installed, and AFTERCOMMIT_INSTALL=0 forbids installing it; \
             apt-get install python3-aiosmtpd)"
        );
    }

    #[test]
    fn a_step_that_is_a_suite_is_skipped_without_its_package() {
        const MISSING: Package =
            Package { apt_name: "no-such-package", probe: &["no-such-program-anywhere"] };
        const PRESENT: Package = Package { apt_name: "coreutils", probe: &["true"] };
        static WITHOUT: Suite = Suite { name: "a", packages: &[PRESENT, MISSING] };
        static WITH: Suite = Suite { name: "b", packages: &[PRESENT] };
        const IS_PRESENT: &[Need] = &[Need::Whole(&WITH)];
        const HAS_A_PART_MISSING: &[Need] = &[Need::Suite(&WITHOUT)];
        const IS_MISSING: &[Need] = &[Need::Whole(&WITHOUT)];
        let on_disk = workspace(&[
            ("Cargo.toml", "[package]\nname = \"tool\"\nedition = \"2024\""),
            ("src/main.rs", "fn main() {}"),
        ]);
        let deadline = Deadline::after(Duration::from_secs(60));
        let mut setup = Setup::new(&on_disk.workspace, Consent::Refused, &deadline);
        let step = |needs: &'static [Need]| Step {
            name: "example",
            about: "",
            needs,
            action: Action::Commands(|_| Vec::new()),
            on_failure: OnFailure::Continue,
        };
        assert!(setup.prepare(&step(IS_PRESENT)).is_ok());
        assert!(setup.prepare(&step(HAS_A_PART_MISSING)).is_ok());
        let outcome = setup.prepare(&step(IS_MISSING)).unwrap_err();
        assert_eq!(outcome.ending, Ending::Skipped);

        setup.provide_packages(&[&step(IS_MISSING), &step(IS_MISSING)]);
        let skips: Vec<_> = setup.into_skips().into_iter().map(|skip| skip.name).collect();
        assert_eq!(skips, ["a"]);
    }

    #[test]
    fn a_step_without_its_program_is_one_line_with_where_it_comes_from() {
        let interop = STEPS.iter().find(|step| step.name == "interop").unwrap();
        assert_eq!(
            skip_without_program(interop, &programs::GO).to_string(),
            "skipped: interop (go is not installed; Go 1.24 or newer is at https://go.dev/dl)"
        );
    }

    #[test]
    fn a_skipped_step_is_one_line_with_the_reason_and_the_tool() {
        let deny = STEPS.iter().find(|step| step.name == "deny").unwrap();
        assert_eq!(
            skip_of_tool(deny, &tools::CARGO_DENY, INSTALL_FAILED).to_string(),
            "skipped: deny (cargo-deny is not installed, and installing it failed; cargo install cargo-deny --locked)"
        );
    }
}
