-- No code is stored any more: only what it takes to make it again with the bank's key (key_id, nonce)
-- and its SHA-256. Codes that were handed out before stop working; they were stored in clear.
-- At most one code per user and mailbox is waiting to be used.
DROP TABLE verify_emails;
CREATE TABLE verify_emails (
    id bigserial PRIMARY KEY,
    username varchar NOT NULL REFERENCES users (username),
    email varchar NOT NULL,
    key_id varchar NOT NULL,
    nonce bytea NOT NULL
        CONSTRAINT verify_emails_nonce_check CHECK (length(nonce) = 16),
    code_hash bytea
        CONSTRAINT verify_emails_code_hash_check CHECK (length(code_hash) = 32),
    is_used boolean NOT NULL DEFAULT false,
    handovers bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expired_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX verify_emails_live_key ON verify_emails (username, lower(email COLLATE "C")) WHERE NOT is_used;

COMMENT ON TABLE verify_emails IS 'Codes that prove an address: what it takes to make one again, and its hash.';
COMMENT ON COLUMN verify_emails.id IS 'Stands in the link.';
COMMENT ON COLUMN verify_emails.email IS 'The address as it was written when the code was made.';
COMMENT ON COLUMN verify_emails.key_id IS 'The key of the bank that the code is made with.';
COMMENT ON COLUMN verify_emails.nonce IS 'The random part of the code.';
COMMENT ON COLUMN verify_emails.code_hash IS
    'SHA-256 of the code; null only inside the transaction that makes the row, because the code depends on the id.';
COMMENT ON COLUMN verify_emails.handovers IS 'How often the mail was handed over to the mail server.';
COMMENT ON COLUMN verify_emails.expired_at IS 'From when on the code is refused.';
