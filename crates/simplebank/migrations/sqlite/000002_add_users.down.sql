-- Takes back 2: accounts belong to no user again. The users are lost, the accounts stay.
CREATE TABLE accounts_free (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    balance INTEGER NOT NULL,
    currency TEXT NOT NULL,
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER))
) STRICT;
INSERT INTO accounts_free (id, owner, balance, currency, created_at)
SELECT id, owner, balance, currency, created_at FROM accounts;
DROP TABLE accounts;
ALTER TABLE accounts_free RENAME TO accounts;
CREATE INDEX accounts_owner_idx ON accounts (owner);

DROP TABLE users;
