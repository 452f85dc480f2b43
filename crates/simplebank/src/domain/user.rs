//! Users: what the bank knows of a person, and what it takes to become one.

use super::email::EmailAddress;
use super::name::{FullName, Username};
use super::time::Timestamp;
use std::fmt;

/// A user as stored, without the password hash.
///
/// The texts are plain strings, because a stored user may be older than today's rules for new ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Identifies the user.
    pub username: String,
    /// How the user is addressed.
    pub full_name: String,
    /// Where mail goes.
    pub email: String,
    /// When the password was last changed; [`Timestamp::YEAR_ONE`] if never.
    pub password_changed_at: Timestamp,
    /// When the user was created.
    pub created_at: Timestamp,
    /// Whether the present address has been confirmed.
    pub is_email_verified: bool,
    /// What the user may do.
    pub role: Role,
}

/// A user that may be created: every field obeys the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// Identifies the user.
    pub username: Username,
    /// How the user is addressed.
    pub full_name: FullName,
    /// Where mail goes.
    pub email: EmailAddress,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A customer: acts on own accounts.
    Depositor,
    /// An employee: acts on the accounts of customers.
    Banker,
}

impl Role {
    /// The role of this name, as it is stored; `None` if there is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "depositor" => Some(Self::Depositor),
            "banker" => Some(Self::Banker),
            _ => None,
        }
    }

    /// The name of the role, as it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Depositor => "depositor",
            Self::Banker => "banker",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which unique property of a user is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The username.
    Username,
    /// The e-mail address.
    Email,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Username => "username",
            Self::Email => "email",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_back_from_its_name() {
        for role in [Role::Depositor, Role::Banker] {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("root"), None);
    }
}
