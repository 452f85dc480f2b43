//! What not every back-end can do, by name.

use std::fmt;

use aftercommit_core::Backend;

/// An ability that a back-end may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// [`Backend::presence`]
    Presence,
    /// [`Backend::groups`]
    Groups,
    /// [`Backend::publisher`]
    Publisher,
    /// [`Backend::schedules`]
    Schedules,
}

impl Ability {
    /// Every ability.
    pub const ALL: [Self; 4] = [Self::Presence, Self::Groups, Self::Publisher, Self::Schedules];

    /// The name of the method of [`Backend`] that offers it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Groups => "groups",
            Self::Publisher => "publisher",
            Self::Schedules => "schedules",
        }
    }

    /// True if the back-end offers it.
    pub fn is_of(self, backend: &dyn Backend) -> bool {
        match self {
            Self::Presence => backend.presence().is_some(),
            Self::Groups => backend.groups().is_some(),
            Self::Publisher => backend.publisher().is_some(),
            Self::Schedules => backend.schedules().is_some(),
        }
    }
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
