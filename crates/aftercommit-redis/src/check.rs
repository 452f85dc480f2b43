//! Looks at Redis before a worker relies on it: its version, whether it may throw tasks away, whether it keeps them.

use std::collections::BTreeMap;
use std::fmt;

use aftercommit_core::{Error, Result};

use crate::command::Command;
use crate::link::Link;
use crate::reply::Reply;

/// The oldest Redis with every command that the scripts use.
const OLDEST: (u32, u32) = (6, 2);
const CHECKING: &str = "check redis";

/// Something about the way Redis is set up that may cost tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Concern {
    /// Redis deletes keys when its memory is full.
    Evicts {
        /// The value of `maxmemory-policy`.
        policy: String,
    },
    /// Redis writes nothing to disk.
    KeepsNothing,
}

impl Link {
    /// Looks at Redis: an error if it is too old. What may cost tasks is logged as a warning that says what to change, and
    /// returned. Where Redis does not let us look, as managed services may not, that is said at debug level.
    pub async fn check(&self) -> Result<Vec<Concern>> {
        let config = |name: &'static str| Command::new("CONFIG").arg("GET").arg(name);
        let questions = [
            Command::new("INFO"),
            config("maxmemory"),
            config("maxmemory-policy"),
            config("save"),
            config("appendonly"),
        ];
        let mut answers = self.pipeline(CHECKING, &questions).await.into_iter();
        let info = allowed(answers.next().expect("each question has an answer"))?;
        let info = info.map(|reply| reply.into_bytes(CHECKING)).transpose()?.flatten().unwrap_or_default();
        let mut settings = Settings::of_info(&String::from_utf8_lossy(&info));
        settings.is_new_enough()?;
        for answer in answers {
            if let Some(reply) = allowed(answer)? {
                settings.add_config(reply)?;
            }
        }
        let concerns = settings.concerns();
        for concern in &concerns {
            tracing::warn!(redis = self.place(), "{concern}");
        }
        for name in settings.unknown() {
            tracing::debug!(redis = self.place(), setting = name, "redis does not say how it is set up");
        }
        Ok(concerns)
    }
}

/// The answer, or nothing where the question is forbidden or renamed away. What may pass is an error still.
fn allowed(answer: Result<Reply>) -> Result<Option<Reply>> {
    match answer {
        Ok(reply) => Ok(Some(reply)),
        Err(error) if error.is_transient() => Err(error),
        Err(error) => {
            tracing::debug!(error = ?error, "redis does not let us look");
            Ok(None)
        }
    }
}

/// What is known, by the names of `redis.conf`; the version as `version`.
#[derive(Debug, Default)]
struct Settings(BTreeMap<String, String>);

/// What `INFO` calls the settings.
const IN_INFO: &[(&str, &str)] =
    &[("redis_version", "version"), ("maxmemory", "maxmemory"), ("maxmemory_policy", "maxmemory-policy")];

impl Settings {
    fn of_info(text: &str) -> Self {
        let mut settings = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.trim_end().split_once(':')) {
            if let Some((_, known_as)) = IN_INFO.iter().find(|(in_info, _)| *in_info == name) {
                settings.0.insert((*known_as).to_owned(), value.to_owned());
            }
            if name == "aof_enabled" {
                let value = if value == "1" { "yes" } else { "no" };
                settings.0.insert("appendonly".to_owned(), value.to_owned());
            }
        }
        settings
    }

    /// Adds an answer of `CONFIG GET`: a name and its value.
    fn add_config(&mut self, reply: Reply) -> Result<()> {
        let mut words = Vec::new();
        for word in reply.into_list(CHECKING)? {
            words.push(String::from_utf8_lossy(&word.into_bytes(CHECKING)?.unwrap_or_default()).into_owned());
        }
        for pair in words.chunks_exact(2) {
            self.0.insert(pair[0].clone(), pair[1].clone());
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn is_new_enough(&self) -> Result<()> {
        let Some(version) = self.get("version") else { return Ok(()) };
        let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
        let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else { return Ok(()) };
        if (major, minor) >= OLDEST {
            return Ok(());
        }
        let (oldest_major, oldest_minor) = OLDEST;
        let why = format!("it is version {version}; {oldest_major}.{oldest_minor} or newer is needed");
        Err(Error::store(CHECKING, why))
    }

    fn concerns(&self) -> Vec<Concern> {
        let mut concerns = Vec::new();
        if let (Some(limit), Some(policy)) = (self.get("maxmemory"), self.get("maxmemory-policy"))
            && limit != "0"
            && policy != "noeviction"
        {
            concerns.push(Concern::Evicts { policy: policy.to_owned() });
        }
        if self.get("save") == Some("") && self.get("appendonly") == Some("no") {
            concerns.push(Concern::KeepsNothing);
        }
        concerns
    }

    fn unknown(&self) -> impl Iterator<Item = &'static str> {
        let wanted = ["version", "maxmemory", "maxmemory-policy", "save", "appendonly"];
        wanted.into_iter().filter(|name| self.get(name).is_none())
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evicts { policy } => write!(
                f,
                "redis deletes keys when its memory is full (maxmemory-policy {policy}), and tasks with them: \
                 set maxmemory-policy to noeviction"
            ),
            Self::KeepsNothing => f.write_str(
                "redis keeps nothing on disk, so a restart loses every task: set appendonly to yes, or at least save",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nmaxmemory:1048576\r\n\
                        maxmemory_policy:allkeys-lru\r\n# Persistence\r\naof_enabled:0\r\n";

    fn config(name: &str, value: &str) -> Reply {
        Reply::List(vec![Reply::Bytes(name.to_owned().into()), Reply::Bytes(value.to_owned().into())])
    }

    #[test]
    fn old_redis_is_refused_and_the_message_says_what_is_needed() {
        for (version, is_fine) in
            [("6.2.0", true), ("7.0.15", true), ("10.0.1", true), ("6.0.16", false), ("5.0", false)]
        {
            let settings = Settings::of_info(&format!("redis_version:{version}\r\n"));
            assert_eq!(settings.is_new_enough().is_ok(), is_fine, "{version}");
        }
        let error = Settings::of_info("redis_version:6.0.16").is_new_enough().unwrap_err();
        assert!(format!("{error:?}").contains("6.0.16; 6.2 or newer"), "{error:?}");
    }

    #[test]
    fn what_info_alone_tells_is_used_and_the_rest_is_unknown() {
        let settings = Settings::of_info(INFO);
        assert_eq!(settings.concerns(), [Concern::Evicts { policy: "allkeys-lru".to_owned() }]);
        assert_eq!(settings.unknown().collect::<Vec<_>>(), ["save"]);
    }

    #[test]
    fn memory_without_a_limit_evicts_nothing() {
        let settings = Settings::of_info(&INFO.replace("maxmemory:1048576", "maxmemory:0"));
        assert_eq!(settings.concerns(), []);
    }

    #[test]
    fn either_kind_of_persistence_is_enough() {
        for (save, append, concerns) in
            [("", "no", vec![Concern::KeepsNothing]), ("3600 1", "no", vec![]), ("", "yes", vec![])]
        {
            let mut settings = Settings::default();
            settings.add_config(config("save", save)).unwrap();
            settings.add_config(config("appendonly", append)).unwrap();
            assert_eq!(settings.concerns(), concerns, "{save:?} {append}");
        }
    }
}
