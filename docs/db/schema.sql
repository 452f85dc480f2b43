-- The schema of the bank's data on PostgreSQL, as the migrations make it. Written by `make db_schema`.

CREATE TABLE accounts (
    id bigserial NOT NULL,
    owner character varying NOT NULL,
    balance bigint NOT NULL,
    currency character varying NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (id),
    CONSTRAINT owner_currency_key UNIQUE (owner, currency)
);

CREATE TABLE entries (
    id bigserial NOT NULL,
    account_id bigint NOT NULL,
    amount bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT entries_pkey PRIMARY KEY (id)
);

CREATE TABLE idempotency_keys (
    caller character varying NOT NULL,
    method character varying NOT NULL,
    key character varying NOT NULL,
    key_id character varying NOT NULL,
    fingerprint bytea NOT NULL,
    response text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_keys_fingerprint_check CHECK ((length(fingerprint) = 32)),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (caller, method, key)
);

CREATE TABLE sessions (
    id uuid NOT NULL,
    username character varying NOT NULL,
    refresh_token character varying NOT NULL,
    user_agent character varying NOT NULL,
    client_ip character varying NOT NULL,
    is_blocked boolean DEFAULT false NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (id)
);

CREATE TABLE transfers (
    id bigserial NOT NULL,
    from_account_id bigint NOT NULL,
    to_account_id bigint NOT NULL,
    amount bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT transfers_pkey PRIMARY KEY (id)
);

CREATE TABLE users (
    username character varying NOT NULL,
    hashed_password character varying NOT NULL,
    full_name character varying NOT NULL,
    email character varying NOT NULL,
    password_changed_at timestamp with time zone DEFAULT '0001-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    is_email_verified boolean DEFAULT false NOT NULL,
    role character varying DEFAULT 'depositor'::character varying NOT NULL,
    shares_mailbox boolean DEFAULT false NOT NULL,
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_pkey PRIMARY KEY (username),
    CONSTRAINT users_role_check CHECK (((role)::text = ANY (ARRAY['depositor'::text, 'banker'::text]))),
    CONSTRAINT users_username_check CHECK (((username)::text ~ '^[a-z0-9_]{3,100}$'::text))
);

CREATE TABLE verify_emails (
    id bigserial NOT NULL,
    username character varying NOT NULL,
    email character varying NOT NULL,
    key_id character varying NOT NULL,
    nonce bytea NOT NULL,
    code_hash bytea,
    is_used boolean DEFAULT false NOT NULL,
    handovers bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expired_at timestamp with time zone NOT NULL,
    CONSTRAINT verify_emails_code_hash_check CHECK ((length(code_hash) = 32)),
    CONSTRAINT verify_emails_nonce_check CHECK ((length(nonce) = 16)),
    CONSTRAINT verify_emails_pkey PRIMARY KEY (id)
);

ALTER TABLE accounts ADD CONSTRAINT accounts_owner_fkey FOREIGN KEY (owner) REFERENCES users(username);
ALTER TABLE entries ADD CONSTRAINT entries_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);
ALTER TABLE sessions ADD CONSTRAINT sessions_username_fkey FOREIGN KEY (username) REFERENCES users(username);
ALTER TABLE transfers ADD CONSTRAINT transfers_from_account_id_fkey FOREIGN KEY (from_account_id) REFERENCES accounts(id);
ALTER TABLE transfers ADD CONSTRAINT transfers_to_account_id_fkey FOREIGN KEY (to_account_id) REFERENCES accounts(id);
ALTER TABLE verify_emails ADD CONSTRAINT verify_emails_username_fkey FOREIGN KEY (username) REFERENCES users(username);
CREATE INDEX accounts_owner_idx ON accounts USING btree (owner);
CREATE INDEX entries_account_id_idx ON entries USING btree (account_id);
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys USING btree (expires_at);
CREATE INDEX transfers_from_account_id_idx ON transfers USING btree (from_account_id);
CREATE INDEX transfers_from_account_id_to_account_id_idx ON transfers USING btree (from_account_id, to_account_id);
CREATE INDEX transfers_to_account_id_idx ON transfers USING btree (to_account_id);
CREATE UNIQUE INDEX users_email_lower_key ON users USING btree (lower(((email)::text COLLATE "C"))) WHERE (NOT shares_mailbox);
CREATE UNIQUE INDEX verify_emails_live_key ON verify_emails USING btree (username, lower(((email)::text COLLATE "C"))) WHERE (NOT is_used);
COMMENT ON TABLE accounts IS 'Accounts: one per owner and currency.';
COMMENT ON COLUMN accounts.balance IS 'In minor units of the currency.';
COMMENT ON COLUMN accounts.currency IS 'ISO 4217 code.';
COMMENT ON TABLE entries IS 'What was added to or taken from an account.';
COMMENT ON COLUMN entries.amount IS 'In minor units; negative for money that leaves the account.';
COMMENT ON TABLE idempotency_keys IS 'Requests that a client may send again: who sent what under which key, and what was answered.';
COMMENT ON COLUMN idempotency_keys.caller IS 'Who sent it; for a new user, the requested username.';
COMMENT ON COLUMN idempotency_keys.key_id IS 'The key of the bank that made the fingerprint.';
COMMENT ON COLUMN idempotency_keys.fingerprint IS 'A keyed hash of the request, without passwords.';
COMMENT ON COLUMN idempotency_keys.response IS 'What was answered; null only inside the transaction that makes the row.';
COMMENT ON COLUMN idempotency_keys.expires_at IS 'From when on the key may be used for something else.';
COMMENT ON TABLE sessions IS 'Login sessions.';
COMMENT ON TABLE transfers IS 'Movements of money from one account to another.';
COMMENT ON COLUMN transfers.amount IS 'In minor units; positive.';
COMMENT ON TABLE users IS 'Users; the username is what the others refer to.';
COMMENT ON COLUMN users.hashed_password IS 'In PHC form, as in $argon2id$...; of older databases also bcrypt.';
COMMENT ON COLUMN users.password_changed_at IS 'Year 1 means never.';
COMMENT ON COLUMN users.is_email_verified IS 'Whether the user has proved the present address.';
COMMENT ON COLUMN users.role IS 'What the user may do.';
COMMENT ON COLUMN users.shares_mailbox IS 'Whether an earlier user had the same address, differently capitalised, before that was refused.';
COMMENT ON TABLE verify_emails IS 'Codes that prove an address: what it takes to make one again, and its hash.';
COMMENT ON COLUMN verify_emails.id IS 'Stands in the link.';
COMMENT ON COLUMN verify_emails.email IS 'The address as it was written when the code was made.';
COMMENT ON COLUMN verify_emails.key_id IS 'The key of the bank that the code is made with.';
COMMENT ON COLUMN verify_emails.nonce IS 'The random part of the code.';
COMMENT ON COLUMN verify_emails.code_hash IS 'SHA-256 of the code; null only inside the transaction that makes the row, because the code depends on the id.';
COMMENT ON COLUMN verify_emails.handovers IS 'How often the mail was handed over to the mail server.';
COMMENT ON COLUMN verify_emails.expired_at IS 'From when on the code is refused.';
