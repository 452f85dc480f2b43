//! Keys of features that are not there yet. A configuration that has them must start, but nobody should believe
//! that they do something.

use super::reader::Reader;

/// Known keys without an effect, and what they are for.
pub(super) const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("ALLOWED_ORIGINS", "web pages that may call the API"),
    ("MIGRATION_URL", "migrations are embedded in the program"),
    ("ACCESS_TOKEN_DURATION", "how long an access token is valid"),
    ("REFRESH_TOKEN_DURATION", "how long a refresh token is valid"),
    ("TRUSTED_PROXIES", "proxies whose word about the client's address counts"),
    ("RATE_LIMITS", "limits on sign-ups and logins"),
    ("REQUIRE_VERIFIED_EMAIL", "whether moving money takes a verified e-mail address"),
];

/// All of their names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    WITHOUT_EFFECT.iter().map(|(name, _)| *name)
}

/// Says which were given.
pub(super) fn check(reader: &mut Reader) {
    let given: Vec<String> = WITHOUT_EFFECT.iter().filter_map(|(name, _)| reader.where_given(name)).collect();
    if !given.is_empty() {
        reader.notice(format!("without effect in this release: {}", given.join(", ")));
    }
}
