//! What is read of a queue to arm it, and what is concluded from what was read.

use std::sync::Arc;

use aftercommit_core::{Result, Wake};
use bytes::Bytes;

use crate::command::Command;
use crate::keys::QueueKeys;
use crate::reply::Reply;

/// How many groups of a queue are watched one by one. A queue with more is looked at now and then.
pub(super) const GROUPS_MAX: usize = 100;

const READING: &str = "look for changes";

/// A queue, seen by those who wait for one kind of change, and what was last read of it.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) keys: Arc<QueueKeys>,
    picture: Picture,
}

#[derive(Debug)]
enum Picture {
    Pending {
        is_paused: bool,
    },
    /// The earliest scores of `x:due`, `scheduled` and `retry`; infinite where there is none.
    Due([f64; 3]),
    Groups {
        known: Vec<Bytes>,
        /// The names in `known` are read for the first time next.
        is_new: bool,
    },
}

/// What a reading means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Finding {
    /// Whether there is something to look at.
    pub(super) is_news: bool,
    pub(super) cover: Cover,
}

/// How much of what matters was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// All: no change of it goes unnoticed from here on.
    Whole,
    /// There are other keys, which the next reading reads.
    Part,
    /// There are more keys than are watched.
    TooMany,
}

/// What a changed key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing before something else changes.
    Irrelevant,
    /// Probably something to look at.
    News,
    /// Only reading tells.
    Unclear,
}

impl Topic {
    pub(super) fn new(wake: Wake, keys: Arc<QueueKeys>) -> Self {
        let picture = match wake {
            Wake::Pending => Picture::Pending { is_paused: false },
            Wake::Due => Picture::Due([f64::INFINITY; 3]),
            Wake::Groups => Picture::Groups { known: Vec::new(), is_new: false },
        };
        Self { keys, picture }
    }

    pub(super) fn wake(&self) -> Wake {
        match self.picture {
            Picture::Pending { .. } => Wake::Pending,
            Picture::Due(_) => Wake::Due,
            Picture::Groups { .. } => Wake::Groups,
        }
    }

    /// The key by which the topic is known.
    pub(super) fn name(wake: Wake, keys: &QueueKeys) -> &str {
        match wake {
            Wake::Pending => &keys.pending,
            Wake::Due => &keys.due,
            Wake::Groups => &keys.groups,
        }
    }

    /// The keys that are read, as Redis names them when they change.
    pub(super) fn watched(&self) -> Vec<Bytes> {
        let of = |key: &str| Bytes::copy_from_slice(key.as_bytes());
        let keys = &self.keys;
        match &self.picture {
            Picture::Pending { .. } => vec![of(&keys.pending), of(&keys.paused)],
            Picture::Due(_) => vec![of(&keys.due), of(&keys.scheduled), of(&keys.retry)],
            Picture::Groups { known, .. } => {
                let groups = known.iter().map(|group| group_key(keys, group));
                std::iter::once(of(&keys.groups)).chain(groups).collect()
            }
        }
    }

    /// Reads all that is watched.
    pub(super) fn commands(&self, into: &mut Vec<Command>) {
        let keys = &self.keys;
        match &self.picture {
            Picture::Pending { .. } => {
                into.push(Command::new("LLEN").arg(&keys.pending));
                into.push(Command::new("EXISTS").arg(&keys.paused));
            }
            Picture::Due(_) => into.extend(
                [&keys.due, &keys.scheduled, &keys.retry]
                    .map(|key| Command::new("ZRANGE").arg(key).number(0).number(0).arg("WITHSCORES")),
            ),
            Picture::Groups { known, .. } => {
                // Not SMEMBERS, which may answer with millions.
                into.push(Command::new("SRANDMEMBER").arg(&keys.groups).number(GROUPS_MAX + 1));
                into.extend(known.iter().map(|group| Command::new("ZCARD").arg(group_key(keys, group))));
            }
        }
    }

    /// Concludes from the answers to the commands.
    pub(super) fn conclude(&mut self, answers: &mut impl Iterator<Item = Result<Reply>>) -> Result<Finding> {
        let mut next = || answers.next().expect("there are as many answers as commands");
        match &mut self.picture {
            Picture::Pending { is_paused } => {
                let (length, pauses) = (next(), next());
                let has_work = length?.into_count(READING)? > 0;
                *is_paused = pauses?.into_count(READING)? > 0;
                Ok(Finding { is_news: has_work && !*is_paused, cover: Cover::Whole })
            }
            Picture::Due(heads) => {
                let answers = [next(), next(), next()];
                let mut is_earlier = false;
                for (head, answer) in heads.iter_mut().zip(answers) {
                    let now = earliest(answer?)?;
                    is_earlier |= now < *head;
                    *head = now;
                }
                Ok(Finding { is_news: is_earlier, cover: Cover::Whole })
            }
            Picture::Groups { known, is_new } => {
                let members = next();
                let sizes: Vec<_> = known.iter().map(|_| next()).collect();
                sizes.into_iter().try_for_each(|size| size.map(drop))?;
                let was_new = *is_new;
                let members = names(members?)?;
                if members.len() > GROUPS_MAX {
                    known.clear();
                    return Ok(Finding { is_news: true, cover: Cover::TooMany });
                }
                *is_new = members.iter().any(|member| !known.contains(member));
                *known = members;
                // Where groups come faster than they are read, the hint does not wait for the last of them.
                let cover = if *is_new { Cover::Part } else { Cover::Whole };
                Ok(Finding { is_news: !*is_new || was_new, cover })
            }
        }
    }

    /// Concludes from the change of a key.
    pub(super) fn judge(&self, key: &[u8]) -> Change {
        match self.picture {
            Picture::Pending { is_paused: true } if key != self.keys.paused.as_bytes() => Change::Irrelevant,
            Picture::Pending { .. } => Change::News,
            Picture::Due(_) | Picture::Groups { .. } => Change::Unclear,
        }
    }
}

fn group_key(keys: &QueueKeys, group: &[u8]) -> Bytes {
    // A group of another writer may have a name that is no text.
    [keys.group("").as_bytes(), group].concat().into()
}

fn names(members: Reply) -> Result<Vec<Bytes>> {
    members
        .into_list(READING)?
        .into_iter()
        .map(|name| Ok(name.into_bytes(READING)?.unwrap_or_default()))
        .collect()
}

/// The score of the first member, which RESP3 puts into a list of its own.
fn earliest(answer: Reply) -> Result<f64> {
    let mut list = answer.into_list(READING)?;
    if let [Reply::List(_)] = list.as_slice()
        && let Some(first) = list.pop()
    {
        list = first.into_list(READING)?;
    }
    match list.pop() {
        None => Ok(f64::INFINITY),
        Some(score) => Ok(score.into_float(READING)?.unwrap_or(f64::INFINITY)),
    }
}
