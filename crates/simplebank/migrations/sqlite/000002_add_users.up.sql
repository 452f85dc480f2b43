-- Users; from here on an account belongs to one, and there is one account per owner and currency.
CREATE TABLE users (
    username TEXT PRIMARY KEY NOT NULL,
    hashed_password TEXT NOT NULL,
    full_name TEXT NOT NULL,
    email TEXT NOT NULL,
    password_changed_at INTEGER NOT NULL DEFAULT -62135596800000000, -- year 1: never
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    CONSTRAINT users_email_key UNIQUE (email)
) STRICT;

-- SQLite adds no constraint to an existing table, so the table is made anew.
CREATE TABLE accounts_owned (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL REFERENCES users (username),
    balance INTEGER NOT NULL,
    currency TEXT NOT NULL,
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    CONSTRAINT owner_currency_key UNIQUE (owner, currency)
) STRICT;
INSERT INTO accounts_owned (id, owner, balance, currency, created_at)
SELECT id, owner, balance, currency, created_at FROM accounts;
DROP TABLE accounts;
ALTER TABLE accounts_owned RENAME TO accounts;
CREATE INDEX accounts_owner_idx ON accounts (owner);
