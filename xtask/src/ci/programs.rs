//! Programs that some steps need and that are never installed for anybody: whoever works on what needs them has them.

use super::packages::succeeds;

/// A program on PATH.
#[derive(Debug)]
pub(crate) struct Program {
    /// What one calls it.
    pub(crate) name: &'static str,
    /// A command that succeeds where it is installed.
    probe: &'static [&'static str],
    /// Where it comes from.
    pub(crate) remedy: &'static str,
}

/// The compiler of the programs on the real asynq.
pub(crate) const GO: Program =
    Program { name: "go", probe: &["go", "version"], remedy: "Go 1.24 or newer is at https://go.dev/dl" };

/// What those programs and ours share.
pub(crate) const REDIS_SERVER: Program = Program {
    name: "redis-server",
    probe: &["redis-server", "--version"],
    remedy: "apt-get install redis-server",
};

impl Program {
    /// Runs the probe.
    pub(crate) fn is_installed(&self) -> bool {
        succeeds(self.probe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_is_noticed() {
        assert!(Program { name: "true", probe: &["true"], remedy: "" }.is_installed());
        assert!(!Program { name: "none", probe: &["no-such-program-anywhere"], remedy: "" }.is_installed());
    }
}
