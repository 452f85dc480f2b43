//! Tools from crates.io that a step is done by.

use cargo_metadata::camino::Utf8Path;

use super::command::Command;
use super::packages::succeeds;

/// A program that `cargo install` builds.
#[derive(Debug)]
pub(crate) struct Tool {
    /// The crate's name and the program's.
    pub(crate) name: &'static str,
    /// The versions that its configuration here is written for.
    version: &'static str,
    /// What installing it costs.
    pub(crate) price: &'static str,
}

/// Licences, bans and sources of dependencies.
pub(crate) const CARGO_DENY: Tool =
    Tool { name: "cargo-deny", version: "^0.20.2", price: "once, about 80 CPU-seconds" };

impl Tool {
    /// How to start the tool: from PATH, or from where an earlier run installed it; `None` where it is not installed.
    pub(crate) fn program(&self, tools: &Utf8Path) -> Option<String> {
        let installed = tools.join("bin").join(self.name).into_string();
        [self.name.to_owned(), installed].into_iter().find(|program| succeeds(&[program, "--version"]))
    }

    /// The command that builds the tool into `tools`: unoptimised, for it takes longer to build than it ever runs.
    pub(crate) fn install(&self, tools: &Utf8Path) -> Command {
        let how = ["--locked", "--debug", "--version", self.version, "--root", tools.as_str()];
        Command::cargo(["install", self.name].into_iter().chain(how))
    }
}
