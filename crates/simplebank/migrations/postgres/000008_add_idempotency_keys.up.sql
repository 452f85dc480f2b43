-- Requests that a client may send again: who sent what under which key, and what was answered. The
-- fingerprint is a keyed hash of the request; neither it nor the response contains a password.
CREATE TABLE idempotency_keys (
    caller varchar NOT NULL,
    method varchar NOT NULL,
    key varchar NOT NULL,
    key_id varchar NOT NULL,
    fingerprint bytea NOT NULL
        CONSTRAINT idempotency_keys_fingerprint_check CHECK (length(fingerprint) = 32),
    response text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (caller, method, key)
);
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);

COMMENT ON TABLE idempotency_keys IS
    'Requests that a client may send again: who sent what under which key, and what was answered.';
COMMENT ON COLUMN idempotency_keys.caller IS 'Who sent it; for a new user, the requested username.';
COMMENT ON COLUMN idempotency_keys.key_id IS 'The key of the bank that made the fingerprint.';
COMMENT ON COLUMN idempotency_keys.fingerprint IS 'A keyed hash of the request, without passwords.';
COMMENT ON COLUMN idempotency_keys.response IS
    'What was answered; null only inside the transaction that makes the row.';
COMMENT ON COLUMN idempotency_keys.expires_at IS 'From when on the key may be used for something else.';
