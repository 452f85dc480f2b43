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
    ("TASK_DELIVERY", "how tasks get to Redis"),
    ("REDIS_USERNAME", "the user at Redis"),
    ("REDIS_PASSWORD", "the password at Redis"),
    ("REDIS_DB", "the database number at Redis"),
    ("REDIS_DIAL_TIMEOUT", "the time to connect to Redis"),
    ("REDIS_READ_TIMEOUT", "the time to wait for Redis"),
    ("REDIS_WRITE_TIMEOUT", "the time to write to Redis"),
    ("REDIS_POOL_SIZE", "the number of connections to Redis"),
    ("REDIS_TLS_CA", "certificates to trust at Redis"),
];

/// Known keys that are refused: without them, tasks would go somewhere else than where they are looked for.
pub(super) const REFUSED: &[(&str, &str)] = &[(
    "REDIS_ADDRESS",
    "Redis is not in this release: leave the key out, and tasks are queued in the database",
)];

/// All of their names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    WITHOUT_EFFECT.iter().chain(REFUSED).map(|(name, _)| *name)
}

/// Says which were given.
pub(super) fn check(reader: &mut Reader) {
    for (name, problem) in REFUSED {
        reader.refuse_if_given(name, problem);
    }
    let given: Vec<String> = WITHOUT_EFFECT.iter().filter_map(|(name, _)| reader.where_given(name)).collect();
    if !given.is_empty() {
        reader.notice(format!("without effect in this release: {}", given.join(", ")));
    }
}
