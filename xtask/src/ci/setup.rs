//! Sees to it, before the first step, that what the suites need is there; remembers what is not.

use super::bound::Deadline;
use super::command::Command;
use super::outcome::{Outcome, Skip};
use super::packages::{Package, Suite, succeeds};

use super::steps::{Need, Step};
use super::tools::Tool;
use crate::workspace::Workspace;

/// Whether the user lets us install things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    Given,
    Refused,
}

/// How this user may run apt-get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Apt {
    AsRoot,
    /// Through sudo, which asks for no password.
    ThroughSudo,
    NotAllowed,
    /// There is none: this is no Debian.
    Absent,
}

/// What the run has to do without.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    missing_suites: Vec<(&'static Suite, &'static str)>,
    missing_tools: Vec<(&'static Tool, &'static str)>,
}

const REFUSED: &str = "not installed, and AFTERCOMMIT_INSTALL=0 forbids installing it";
const INSTALL_FAILED: &str = "not installed, and installing it failed";

/// Installs what is missing where that is allowed.
pub(crate) fn prepare(
    workspace: &Workspace,
    needs: &[&Need],
    consent: Consent,
    deadline: &Deadline,
) -> Setup {
    let mut suites = Vec::new();
    let mut setup = Setup::default();
    for need in needs {
        match need {
            Need::Suite(suite) => suites.push(*suite),
            Need::Tool(tool) => {
                let problem = prepare_tool(workspace, tool, consent, deadline).err();
                setup.missing_tools.extend(problem.map(|why| (*tool, why)));
            }
        }
    }
    let missing = |suites: Vec<&'static Suite>| -> Vec<&'static Suite> {
        suites.into_iter().filter(|suite| !suite.package.is_installed()).collect()
    };
    let suites = missing(suites);
    if let Err(why) = install_packages(workspace, &suites, consent, deadline) {
        setup.missing_suites = missing(suites).into_iter().map(|suite| (suite, why)).collect();
    }
    for skip in setup.skips() {
        println!("{skip}");
    }
    setup
}

impl Setup {
    /// Whether the step cannot be done at all.
    pub(crate) fn lacks_tool_of(&self, step: &Step) -> bool {
        let lacks = |tool: &Tool| self.missing_tools.iter().any(|(missing, _)| missing.name == tool.name);
        step.needs.iter().any(|need| matches!(need, Need::Tool(tool) if lacks(tool)))
    }

    /// How the setup itself ended.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.skips().is_empty() { Outcome::passed() } else { Outcome::skipped() }
    }

    /// Everything that is missing, as one line each.
    pub(crate) fn skips(&self) -> Vec<Skip> {
        let suites = self.missing_suites.iter().map(|(suite, why)| {
            let package = suite.package.apt_name;
            Skip::new(suite.name, format!("{package} is {why}; apt-get install {package}"))
        });
        let tools = self
            .missing_tools
            .iter()
            .map(|(tool, why)| Skip::new(tool.name, format!("{why}; cargo install {} --locked", tool.name)));
        suites.chain(tools).collect()
    }
}

fn prepare_tool(
    workspace: &Workspace,
    tool: &Tool,
    consent: Consent,
    deadline: &Deadline,
) -> Result<(), &'static str> {
    let tools = workspace.tools();
    if tool.program(&tools).is_some() {
        return Ok(());
    }
    if consent == Consent::Refused {
        return Err(REFUSED);
    }
    println!("setup: building {} into {tools} ({}; AFTERCOMMIT_INSTALL=0 forbids it)", tool.name, tool.price);
    let ended = tool.install(&tools).run(workspace.root(), deadline);
    if ended.is_well() && tool.program(&tools).is_some() { Ok(()) } else { Err(INSTALL_FAILED) }
}

fn install_packages(
    workspace: &Workspace,
    suites: &[&Suite],
    consent: Consent,
    deadline: &Deadline,
) -> Result<(), &'static str> {
    let mut packages: Vec<&Package> = suites.iter().map(|suite| suite.package).collect();
    packages.sort_by_key(|package| package.apt_name);
    packages.dedup_by_key(|package| package.apt_name);
    if packages.is_empty() {
        return Ok(());
    }
    let apt = match consent {
        Consent::Given => Apt::find(),
        Consent::Refused => return Err(REFUSED),
    };
    let names: Vec<&str> = packages.iter().map(|package| package.apt_name).collect();
    let wanted_by: Vec<&str> = suites.iter().map(|suite| suite.name).collect();
    let [update, install] = apt.commands(&names)?;
    println!(
        "setup: installing {} for {}, with apt-get (AFTERCOMMIT_INSTALL=0 forbids it)",
        names.join(" "),
        wanted_by.join(", ")
    );
    // Lists that could not be brought up to date may still be good enough: the install decides.
    update.run(workspace.root(), deadline);
    let installed = install.run(workspace.root(), deadline).is_well();
    if installed && packages.iter().all(|package| package.is_installed()) {
        Ok(())
    } else {
        Err(INSTALL_FAILED)
    }
}

impl Apt {
    fn find() -> Self {
        if !succeeds(&["apt-get", "--version"]) {
            Self::Absent
        } else if succeeds(&["sh", "-c", "test \"$(id -u)\" = 0"]) {
            Self::AsRoot
        } else if succeeds(&["sudo", "-n", "true"]) {
            Self::ThroughSudo
        } else {
            Self::NotAllowed
        }
    }

    /// What brings apt's lists up to date, and what installs these packages.
    fn commands(self, packages: &[&str]) -> Result<[Command; 2], &'static str> {
        // `env` and not our own environment: sudo passes little of that on.
        let before: &[&str] = match self {
            Self::AsRoot => &["env"],
            Self::ThroughSudo => &["sudo", "-n", "env"],
            Self::NotAllowed => {
                return Err("not installed, and installing it takes root, or sudo without a password");
            }
            Self::Absent => return Err("not installed, and there is no apt-get to install it with"),
        };
        let apt_get = |args: &[&str]| {
            let environment =
                ["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"];
            let words = before.iter().chain(&environment).chain(args);
            Command::new(words.map(|word| (*word).to_owned()).collect())
        };
        let install = [&["install", "--yes", "--no-install-recommends"], packages].concat();
        Ok([apt_get(&["update"]), apt_get(&install)])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{packages, tools};
    use super::*;

    fn lines(apt: Apt) -> Vec<String> {
        apt.commands(&["a", "b"]).unwrap().iter().map(Command::line).collect()
    }

    #[test]
    fn lists_are_updated_once_before_everything_is_installed_at_once() {
        let lines = lines(Apt::AsRoot);
        assert_eq!(lines.len(), 2);
        assert!(
            lines[0].starts_with("env DEBIAN_FRONTEND=noninteractive apt-get")
                && lines[0].ends_with("update")
        );
        assert!(lines[1].ends_with("install --yes --no-install-recommends a b"), "{lines:?}");
    }

    #[test]
    fn a_user_who_is_not_root_goes_through_sudo_that_asks_nothing() {
        assert!(lines(Apt::ThroughSudo).iter().all(|line| line.starts_with("sudo -n env DEBIAN_FRONTEND")));
    }

    #[test]
    fn without_the_right_to_install_the_reason_is_said() {
        assert!(Apt::NotAllowed.commands(&["a"]).unwrap_err().contains("takes root"));
        assert!(Apt::Absent.commands(&["a"]).unwrap_err().contains("no apt-get"));
    }

    #[test]
    fn a_skip_names_the_suite_the_reason_and_the_package() {
        let setup = Setup {
            missing_suites: vec![(&packages::SMTP, REFUSED)],
            missing_tools: vec![(&tools::CARGO_DENY, REFUSED)],
        };
        let lines: Vec<_> = setup.skips().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "skipped: smtp (python3-aiosmtpd is not installed, and AFTERCOMMIT_INSTALL=0 forbids installing it; \
                 apt-get install python3-aiosmtpd)",
                "skipped: cargo-deny (not installed, and AFTERCOMMIT_INSTALL=0 forbids installing it; \
                 cargo install cargo-deny --locked)",
            ]
        );
    }

    #[test]
    fn a_step_is_skipped_for_its_missing_tool_only() {
        let setup = Setup { missing_tools: vec![(&tools::CARGO_DENY, REFUSED)], ..Setup::default() };
        let lacking: Vec<_> = super::super::STEPS.iter().filter(|step| setup.lacks_tool_of(step)).collect();
        assert_eq!(lacking.iter().map(|step| step.name).collect::<Vec<_>>(), ["deny"]);
    }
}
