-- Takes back 7: the table that holds codes in clear, empty: a code cannot be had from its hash.
DROP TABLE verify_emails;
CREATE TABLE verify_emails (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL REFERENCES users (username),
    email TEXT NOT NULL,
    secret_code TEXT NOT NULL,
    is_used INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    expired_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER) + 900000000) -- 15 minutes
) STRICT;
