-- Requests that a client may send again: who sent what under which key, and what was answered. The
-- fingerprint is a keyed hash of the request; neither it nor the response contains a password.
CREATE TABLE idempotency_keys (
    caller TEXT NOT NULL,
    method TEXT NOT NULL,
    key TEXT NOT NULL,
    key_id TEXT NOT NULL, -- of the bank's key that made the fingerprint
    fingerprint BLOB NOT NULL
        CONSTRAINT idempotency_keys_fingerprint_check CHECK (length(fingerprint) = 32),
    response TEXT, -- null only inside the transaction that makes the row
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (caller, method, key)
) STRICT;
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);
