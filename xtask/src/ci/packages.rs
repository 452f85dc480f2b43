//! What some suites need from the system: a probe that tells whether it is there, and the Debian package that has it.

use std::process::{Command, Stdio};

/// A package of the system.
#[derive(Debug)]
pub(crate) struct Package {
    /// What apt calls it.
    pub(crate) apt_name: &'static str,
    /// A command that succeeds where the package is installed.
    pub(crate) probe: &'static [&'static str],
}

/// Tests that belong together because they need the same thing.
#[derive(Debug)]
pub(crate) struct Suite {
    /// What a skip line calls it.
    pub(crate) name: &'static str,
    /// What it needs, all of it.
    pub(crate) packages: &'static [Package],
}

impl Suite {
    /// Whether all it needs is there.
    pub(crate) fn can_run(&self) -> bool {
        self.packages.iter().all(Package::is_installed)
    }

    /// What apt calls its packages, in one line.
    pub(crate) fn apt_names(&self) -> String {
        self.packages.iter().map(|package| package.apt_name).collect::<Vec<_>>().join(" ")
    }
}

/// E-mail against a real SMTP server on loopback.
pub(crate) const SMTP: Suite = Suite { name: "smtp", packages: &[AIOSMTPD] };

/// Everything that talks to a real Redis on loopback.
pub(crate) const REDIS: Suite = Suite { name: "redis", packages: &[REDIS_SERVER] };

/// The feature that says of a `[[test]]` target, in its `required-features`, that it belongs to [`REDIS`].
pub(crate) const REDIS_FEATURE: &str = "redis-server";

/// Everything that talks to a real Postgres on loopback, directly or through a pooler.
pub(crate) const POSTGRES: Suite = Suite { name: "postgres", packages: &[POSTGRESQL, PGBOUNCER] };

/// The feature that says of a `[[test]]` target, in its `required-features`, that it belongs to [`POSTGRES`].
pub(crate) const POSTGRES_FEATURE: &str = "postgres-server";

const REDIS_SERVER: Package = Package { apt_name: "redis-server", probe: &["redis-server", "--version"] };

// Debian puts the server on nobody's path.
const POSTGRESQL: Package = Package {
    apt_name: "postgresql",
    probe: &["sh", "-c", "command -v postgres || ls /usr/lib/postgresql/*/bin/postgres"],
};

const PGBOUNCER: Package = Package { apt_name: "pgbouncer", probe: &["pgbouncer", "--version"] };

// By its full path: Debian's packages are seen by Debian's Python, and by no other that may come first on PATH.
const AIOSMTPD: Package =
    Package { apt_name: "python3-aiosmtpd", probe: &["/usr/bin/python3", "-c", "import aiosmtpd"] };

impl Package {
    /// Runs the probe.
    pub(crate) fn is_installed(&self) -> bool {
        succeeds(self.probe)
    }
}

/// Whether a command can be started and ends well. What it prints is dropped.
pub(crate) fn succeeds(command: &[&str]) -> bool {
    let Some((program, args)) = command.split_first() else { return false };
    let status = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_tells_success_from_failure_and_from_absence() {
        assert!(succeeds(&["true"]));
        assert!(!succeeds(&["false"]));
        assert!(!succeeds(&["no-such-program-anywhere"]));
        assert!(!succeeds(&[]));
    }
}
