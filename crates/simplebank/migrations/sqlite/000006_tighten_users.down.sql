-- Takes back 6: the looser table of users; addresses are unique by their exact spelling only.
CREATE TABLE users_loose (
    username TEXT PRIMARY KEY NOT NULL,
    hashed_password TEXT NOT NULL,
    full_name TEXT NOT NULL,
    email TEXT NOT NULL,
    password_changed_at INTEGER NOT NULL DEFAULT -62135596800000000, -- year 1: never
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    is_email_verified INTEGER NOT NULL DEFAULT 0,
    role TEXT NOT NULL DEFAULT 'depositor',
    CONSTRAINT users_email_key UNIQUE (email)
) STRICT;
INSERT INTO users_loose
    (username, hashed_password, full_name, email, password_changed_at, created_at, is_email_verified, role)
SELECT username, hashed_password, full_name, email, password_changed_at, created_at, is_email_verified, role FROM users;
DROP TABLE users;
ALTER TABLE users_loose RENAME TO users;
