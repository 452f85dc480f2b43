//! What is to happen at which fail-point: reading it, and doing it.

use super::{Injected, POINTS, PlanError};
use crate::config::duration;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static PLAN: OnceLock<Plan> = OnceLock::new();

pub(super) fn install(text: &str) -> Result<(), PlanError> {
    PLAN.set(Plan::parse(text)?).map_err(|_| PlanError::Installed)
}

pub(super) async fn hit(point: &'static str) -> Result<(), Injected> {
    match PLAN.get().and_then(|plan| plan.action(point)) {
        Some(action) => action.act(point).await,
        None => Ok(()),
    }
}

/// Actions by fail-point.
#[derive(Debug, Default)]
struct Plan {
    rules: HashMap<&'static str, Rule>,
}

#[derive(Debug)]
struct Rule {
    action: Action,
    turn: Turn,
    hits: AtomicU64,
}

#[derive(Debug, PartialEq, Eq)]
enum Action {
    Error(String),
    Delay(Duration),
    Kill,
}

/// At which hits the action is taken, counted from 1.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Always,
    First(u64),
    Only(u64),
}

impl Plan {
    fn parse(text: &str) -> Result<Self, PlanError> {
        let mut plan = Self::default();
        for rule in text.split(';').map(str::trim).filter(|rule| !rule.is_empty()) {
            let (name, action) = rule.split_once('=').unwrap_or((rule, ""));
            let (name, action) = (name.trim(), action.trim());
            let point = POINTS.iter().find(|point| **point == name);
            let point = *point.ok_or_else(|| PlanError::Unknown { name: name.to_owned() })?;
            let bad = || PlanError::Action { point, action: action.to_owned() };
            let rule = Rule::parse(action).ok_or_else(bad)?;
            if plan.rules.insert(point, rule).is_some() {
                return Err(PlanError::Twice { point });
            }
        }
        Ok(plan)
    }

    /// Counts a hit, and says what to do at it.
    fn action(&self, point: &str) -> Option<&Action> {
        let rule = self.rules.get(point)?;
        let hit = rule.hits.fetch_add(1, Ordering::Relaxed) + 1;
        let now = match rule.turn {
            Turn::Always => true,
            Turn::First(count) => hit <= count,
            Turn::Only(turn) => hit == turn,
        };
        now.then_some(&rule.action)
    }
}

impl Rule {
    fn parse(text: &str) -> Option<Self> {
        let count = |digits: &str| digits.parse().ok().filter(|count| *count > 0);
        let (action, turn) = if let Some(action) = Action::parse(text) {
            (action, Turn::Always)
        } else if let Some((turn, action)) = text.split_once('*') {
            (Action::parse(action)?, Turn::First(count(turn)?))
        } else {
            let (action, turn) = text.rsplit_once('@')?;
            (Action::parse(action)?, Turn::Only(count(turn)?))
        };
        Some(Self { action, turn, hits: AtomicU64::new(0) })
    }
}

impl Action {
    fn parse(text: &str) -> Option<Self> {
        if text == "kill" {
            return Some(Self::Kill);
        }
        match text.strip_suffix(')')?.split_once('(')? {
            ("error", words) => Some(Self::Error(words.to_owned())),
            ("delay", time) => duration::parse(time).map(Self::Delay),
            _ => None,
        }
    }

    async fn act(&self, point: &'static str) -> Result<(), Injected> {
        tracing::warn!(point, action = ?self, "fail-point");
        match self {
            Self::Error(text) => Err(Injected { point, text: text.clone() }),
            Self::Delay(time) => {
                tokio::time::sleep(*time).await;
                Ok(())
            }
            Self::Kill => {
                use rustix::process::{Signal, getpid, kill_process};
                match kill_process(getpid(), Signal::KILL) {
                    // The signal may take a moment to arrive. Nothing after this point runs.
                    Ok(()) => std::future::pending().await,
                    Err(error) => Err(Injected { point, text: format!("cannot kill this process: {error}") }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: &str = "create_user.before_commit";

    fn plan(action: &str) -> Plan {
        Plan::parse(&format!("{POINT}={action}")).unwrap()
    }

    /// The numbers of the hits at which something happens, of the first five.
    fn turns(action: &str) -> Vec<u32> {
        let plan = plan(action);
        (1..=5).filter(|_| plan.action(POINT).is_some()).collect()
    }

    #[test]
    fn every_action_is_read() {
        let text = "create_user.before_commit=kill; send_verify_email.after_send = 2*delay(500ms);\
            send_verify_email.start=error(no (really) = at@2*all);";
        let plan = Plan::parse(text).unwrap();
        assert_eq!(plan.rules.len(), 3);
        assert_eq!(plan.action(POINT), Some(&Action::Kill));
        let delay = Action::Delay(Duration::from_millis(500));
        assert_eq!(plan.action("send_verify_email.after_send"), Some(&delay));
        let error = Action::Error("no (really) = at@2*all".to_owned());
        assert_eq!(plan.action("send_verify_email.start"), Some(&error));
        assert_eq!(plan.action("create_user.after_commit"), None);
        assert!(Plan::parse("").unwrap().rules.is_empty());
    }

    #[test]
    fn hits_are_counted() {
        assert_eq!(turns("kill"), [1, 2, 3, 4, 5]);
        assert_eq!(turns("2*kill"), [1, 2]);
        assert_eq!(turns("kill@3"), [3]);
        assert_eq!(turns("1*error(x@2)"), [1]);
    }

    #[test]
    fn nonsense_is_refused_and_what_exists_is_listed() {
        for bad in
            ["", "panic", "kill()", "delay", "delay(1)", "delay(-1s)", "error", "0*kill", "kill@0", "x*kill"]
        {
            let refused = Plan::parse(&format!("{POINT}={bad}"));
            assert_eq!(refused.unwrap_err(), PlanError::Action { point: POINT, action: bad.to_owned() });
        }
        let text = Plan::parse("create_user.commit=kill").unwrap_err().to_string();
        assert!(
            text.contains("\"create_user.commit\"") && POINTS.iter().all(|point| text.contains(point)),
            "{text}"
        );
        let twice = Plan::parse(&format!("{POINT}=kill;{POINT}=kill")).unwrap_err();
        assert_eq!(twice, PlanError::Twice { point: POINT });
    }

    #[tokio::test(start_paused = true)]
    async fn delay_waits_and_error_fails() {
        let start = tokio::time::Instant::now();
        assert_eq!(plan("delay(2s)").action(POINT).unwrap().act(POINT).await, Ok(()));
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        let error = plan("error(disk full)").action(POINT).unwrap().act(POINT).await.unwrap_err();
        assert_eq!(error.to_string(), "fail-point create_user.before_commit: disk full");
    }
}
