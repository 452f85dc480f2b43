-- Codes that prove an address, and whether a user has proved the present one.
CREATE TABLE verify_emails (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL REFERENCES users (username),
    email TEXT NOT NULL,
    secret_code TEXT NOT NULL,
    is_used INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    expired_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER) + 900000000) -- 15 minutes
) STRICT;

ALTER TABLE users ADD COLUMN is_email_verified INTEGER NOT NULL DEFAULT 0;
