-- The rules that no code path may get around: who can be a user, and one user per mailbox, where
-- Alice@example.com and alice@example.com are the same mailbox.
CREATE TABLE users_tightened (
    username TEXT PRIMARY KEY NOT NULL
        CONSTRAINT users_username_check CHECK (length(username) BETWEEN 3 AND 100 AND username NOT GLOB '*[^a-z0-9_]*'),
    hashed_password TEXT NOT NULL,
    full_name TEXT NOT NULL,
    email TEXT NOT NULL,
    password_changed_at INTEGER NOT NULL DEFAULT -62135596800000000, -- year 1: never
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    is_email_verified INTEGER NOT NULL DEFAULT 0
        CONSTRAINT users_is_email_verified_check CHECK (is_email_verified IN (0, 1)),
    role TEXT NOT NULL DEFAULT 'depositor'
        CONSTRAINT users_role_check CHECK (role IN ('depositor', 'banker'))
) STRICT;
INSERT INTO users_tightened
    (username, hashed_password, full_name, email, password_changed_at, created_at, is_email_verified, role)
SELECT username, hashed_password, full_name, email, password_changed_at, created_at, is_email_verified, role FROM users;
DROP TABLE users;
ALTER TABLE users_tightened RENAME TO users;
CREATE UNIQUE INDEX users_email_lower_key ON users (lower(email));
