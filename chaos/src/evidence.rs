//! What explains that something ran twice: lines that the bank's processes print, and what was done to them.

/// A sign of something, with its place and moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// In milliseconds on the run's clock.
    pub(crate) at_ms: u64,
    /// The process that said so or that it happened to, as in `worker-1.3`; or the store.
    pub(crate) by: String,
    pub(crate) sign: Sign,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sign {
    /// The process was killed, by us or at a sync point.
    Died,
    /// A process stands still, with whatever lock it holds.
    Frozen,
    /// It goes on.
    Thawed,
    /// A store, or the way to it, began to fail.
    StoreFailed,
    /// It works again.
    StoreBack,
    /// A store has lost all that it had.
    StoreForgot,
    /// A task was taken back from a worker that was gone.
    Recovered { task: String },
    /// A worker noticed that a task is somebody else's now.
    LeaseLost { task: String },
    /// A worker could not write an outcome down in time.
    NotSettled { task: String },
    /// An attempt failed, and is repeated.
    Failed { username: String },
    /// A task ran for a user that does not exist: before the commit, or without one.
    NoSuchUser { username: String },
    /// A worker was refused the outcomes of tasks after a call whose answer was lost: they were written down by that
    /// call, or somebody else has the tasks.
    PerhapsSettled { count: u64 },
    /// A stop did not wait for some handlers.
    CutOff { count: u64 },
    /// Tasks came a second time to a back-end that recognised them.
    Republished,
    /// A fail-point did what it was told.
    FailPoint,
}

impl Sign {
    /// What a line of the bank's log is a sign of, if of anything.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let task = || value(line, " id=").map(str::to_owned);
        if line.contains("recovered a task from a lost worker") {
            return task().map(|task| Self::Recovered { task });
        }
        if line.contains("lease lost:") {
            return task().map(|task| Self::LeaseLost { task });
        }
        if line.contains("could not write down a task's outcome")
            || line.contains("the store refuses a task's outcome")
        {
            return task().map(|task| Self::NotSettled { task });
        }
        if line.contains("process task failed") {
            let username = username(line)?;
            return Some(match line.contains("user doesn't exist") {
                true => Self::NoSuchUser { username },
                false => Self::Failed { username },
            });
        }
        let count = || value(line, " count=")?.parse().ok();
        if line.contains("handlers did not end within the shutdown timeout") {
            return count().map(|count| Self::CutOff { count });
        }
        if line.contains("or the tasks are somebody else's now") {
            return count().map(|count| Self::PerhapsSettled { count });
        }
        if line.contains("tasks had been published before") {
            return Some(Self::Republished);
        }
        line.contains(" fail-point ").then_some(Self::FailPoint)
    }
}

/// The value of a field, up to the next space.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.rsplit_once(name)?;
    rest.split(' ').next()
}

/// The user that a payload names, however deep its quotes are escaped.
fn username(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("username")?;
    let name = rest.trim_start_matches(['\\', '"', ':', ' ']);
    let end = name.find(['\\', '"'])?;
    Some(name[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_bank_are_understood() {
        let task = || "0199-ab".to_owned();
        let username = || "u17".to_owned();
        for (line, sign) in [
            (
                "4:42PM WRN recovered a task from a lost worker: it runs again at once cause=worker-dead id=0199-ab \
                 queue=critical recovered=1",
                Sign::Recovered { task: task() },
            ),
            (
                "4:42PM WRN lease lost: the task is somebody else's now and nothing was written for this attempt \
                 id=0199-ab queue=critical when=settling",
                Sign::LeaseLost { task: task() },
            ),
            (
                "4:42PM ERR could not write down a task's outcome before its lease ended; the task will run again \
                 id=0199-ab queue=critical",
                Sign::NotSettled { task: task() },
            ),
            (
                r#"4:42PM ERR process task failed error="fail-point x" payload="{\"username\":\"u17\"}" type=t"#,
                Sign::Failed { username: username() },
            ),
            (
                r#"4:42PM ERR process task failed error="failed to get user: user doesn't exist" payload="{\"username\":\"u17\"}""#,
                Sign::NoSuchUser { username: username() },
            ),
            (
                "4:42PM INF the outcomes of tasks were written down by a call whose answer was lost, or the tasks are \
                 somebody else's now count=9",
                Sign::PerhapsSettled { count: 9 },
            ),
            (
                "4:42PM WRN handlers did not end within the shutdown timeout and were stopped; their tasks go back to \
                 the queue count=2",
                Sign::CutOff { count: 2 },
            ),
            ("4:42PM WRN fail-point action=Kill point=relay.claimed", Sign::FailPoint),
        ] {
            assert_eq!(Sign::of_line(line), Some(sign), "{line}");
        }
        assert_eq!(Sign::of_line("4:42PM INF processed task email=u17@x.example"), None);
    }
}
