//! Installs packages with apt-get, as far as the user may.

use super::command::Command;
use super::packages::succeeds;

/// How this user may run apt-get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Apt {
    AsRoot,
    /// Through sudo, which asks for no password.
    ThroughSudo,
    NotAllowed,
    /// There is none: this is no Debian.
    Absent,
}

impl Apt {
    /// Looks at the system and the user.
    pub(crate) fn find() -> Self {
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
    pub(crate) fn commands(self, packages: &[&str]) -> Result<[Command; 2], &'static str> {
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
}
