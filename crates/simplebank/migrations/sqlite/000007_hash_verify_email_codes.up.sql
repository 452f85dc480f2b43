-- No code is stored any more: only what it takes to make it again with the bank's key (key_id, nonce)
-- and its SHA-256. Codes that were handed out before stop working; they were stored in clear.
-- At most one code per user and mailbox is waiting to be used.
DROP TABLE verify_emails;
CREATE TABLE verify_emails (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL REFERENCES users (username),
    email TEXT NOT NULL,
    key_id TEXT NOT NULL,
    nonce BLOB NOT NULL
        CONSTRAINT verify_emails_nonce_check CHECK (length(nonce) = 16),
    code_hash BLOB -- null only inside the transaction that makes the row: the code depends on the id
        CONSTRAINT verify_emails_code_hash_check CHECK (length(code_hash) = 32),
    is_used INTEGER NOT NULL DEFAULT 0
        CONSTRAINT verify_emails_is_used_check CHECK (is_used IN (0, 1)),
    handovers INTEGER NOT NULL DEFAULT 0, -- how often the mail was handed over to the mail server
    created_at INTEGER NOT NULL,
    expired_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX verify_emails_live_key ON verify_emails (username, lower(email)) WHERE is_used = 0;
