//! What there can be news about, in memory and in a notification.

use std::fmt;

/// What there can be news about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// There may be more pending tasks.
    Pending,
    /// The earliest due time may have changed.
    Due,
    /// There may be more tasks in groups.
    Groups,
    /// There may be something to claim in the outbox.
    Outbox,
    /// There may be more cancellations.
    Cancelled,
}

impl Topic {
    pub(crate) const ALL: [Self; 5] = [Self::Pending, Self::Due, Self::Groups, Self::Outbox, Self::Cancelled];

    /// As a notification calls it.
    const fn letter(self) -> char {
        match self {
            Self::Pending => 'p',
            Self::Due => 'd',
            Self::Groups => 'g',
            Self::Outbox => 'o',
            Self::Cancelled => 'c',
        }
    }
}

/// Some topics. Written as their letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Topics(u8);

impl Topics {
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn add(&mut self, topic: Topic) {
        self.0 |= 1 << topic as u8;
    }

    /// Those of these letters that are known: a newer library may know more.
    pub(crate) fn named(letters: &str) -> Self {
        let mut topics = Self::default();
        Topic::ALL.into_iter().filter(|it| letters.contains(it.letter())).for_each(|it| topics.add(it));
        topics
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Topic> {
        Topic::ALL.into_iter().filter(move |topic| self.0 & (1 << *topic as u8) != 0)
    }
}

impl From<Topic> for Topics {
    fn from(topic: Topic) -> Self {
        let mut topics = Self::default();
        topics.add(topic);
        topics
    }
}

impl fmt::Display for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|topic| write!(f, "{}", topic.letter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_as_they_were_written() {
        let mut some = Topics::from(Topic::Outbox);
        some.add(Topic::Pending);
        assert_eq!(some.to_string(), "po");
        assert_eq!(Topics::named("po"), some);
        assert_eq!(Topics::named("o?p"), some, "what a newer library tells of is passed over");
        assert_eq!(
            Topic::ALL.into_iter().map(Topic::letter).collect::<std::collections::HashSet<_>>().len(),
            5
        );
    }
}
