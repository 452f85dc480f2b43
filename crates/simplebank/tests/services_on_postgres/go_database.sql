-- A database as the bank's Go program leaves it: its five migrations, and golang-migrate's note of them.
CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
INSERT INTO schema_migrations VALUES (5, false);

CREATE TABLE users (
    username varchar NOT NULL,
    hashed_password varchar NOT NULL,
    full_name varchar NOT NULL,
    email varchar NOT NULL,
    password_changed_at timestamptz NOT NULL DEFAULT '0001-01-01 00:00:00Z',
    created_at timestamptz NOT NULL DEFAULT now(),
    is_email_verified bool NOT NULL DEFAULT false,
    role varchar NOT NULL DEFAULT 'depositor',
    CONSTRAINT users_pkey PRIMARY KEY (username),
    CONSTRAINT users_email_key UNIQUE (email)
);
CREATE TABLE accounts (
    id bigserial,
    owner varchar NOT NULL,
    balance bigint NOT NULL,
    currency varchar NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT accounts_pkey PRIMARY KEY (id),
    CONSTRAINT owner_currency_key UNIQUE (owner, currency),
    CONSTRAINT accounts_owner_fkey FOREIGN KEY (owner) REFERENCES users (username)
);
CREATE TABLE entries (
    id bigserial,
    account_id bigint NOT NULL,
    amount bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT entries_pkey PRIMARY KEY (id),
    CONSTRAINT entries_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id)
);
CREATE TABLE transfers (
    id bigserial,
    from_account_id bigint NOT NULL,
    to_account_id bigint NOT NULL,
    amount bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT transfers_pkey PRIMARY KEY (id),
    CONSTRAINT transfers_from_account_id_fkey FOREIGN KEY (from_account_id) REFERENCES accounts (id),
    CONSTRAINT transfers_to_account_id_fkey FOREIGN KEY (to_account_id) REFERENCES accounts (id)
);
CREATE TABLE sessions (
    id uuid,
    username varchar NOT NULL,
    refresh_token varchar NOT NULL,
    user_agent varchar NOT NULL,
    client_ip varchar NOT NULL,
    is_blocked bool NOT NULL DEFAULT false,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_username_fkey FOREIGN KEY (username) REFERENCES users (username)
);
CREATE TABLE verify_emails (
    id bigserial,
    username varchar NOT NULL,
    email varchar NOT NULL,
    secret_code varchar NOT NULL,
    is_used bool NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    expired_at timestamptz NOT NULL DEFAULT now() + interval '15 minutes',
    CONSTRAINT verify_emails_pkey PRIMARY KEY (id),
    CONSTRAINT verify_emails_username_fkey FOREIGN KEY (username) REFERENCES users (username)
);
CREATE INDEX accounts_owner_idx ON accounts (owner);
CREATE INDEX entries_account_id_idx ON entries (account_id);
CREATE INDEX transfers_from_account_id_idx ON transfers (from_account_id);
CREATE INDEX transfers_to_account_id_idx ON transfers (to_account_id);
CREATE INDEX transfers_from_account_id_to_account_id_idx ON transfers (from_account_id, to_account_id);

-- An upper-case username, addresses that differ in case, an unknown role.
INSERT INTO users (username, hashed_password, full_name, email, role, created_at) VALUES
    ('alice', '$2a$10$abcdefghijklmnopqrstuv', 'Alice', 'alice@example.com', 'depositor', '2024-01-01'),
    ('bob', '$2a$10$abcdefghijklmnopqrstuv', 'Bob', 'Alice@Example.com', 'banker', '2024-01-02'),
    ('Carol', '$2a$10$abcdefghijklmnopqrstuv', 'Carol', 'carol@example.com', 'depositor', '2024-01-03'),
    ('dave', '$2a$10$abcdefghijklmnopqrstuv', 'Dave', 'dave@example.com', 'root', '2024-01-04');
-- A balance without entries, a negative balance, one that is as it should be.
INSERT INTO accounts (owner, balance, currency) VALUES
    ('alice', 700, 'EUR'), ('bob', -30, 'USD'), ('Carol', 30, 'USD'), ('alice', 5, 'GBP');
INSERT INTO transfers (from_account_id, to_account_id, amount) VALUES (2, 3, 30), (3, 3, -1);
INSERT INTO entries (account_id, amount) VALUES (2, -30), (3, 30);
-- A token and a code in clear.
INSERT INTO sessions (id, username, refresh_token, user_agent, client_ip, expires_at)
    VALUES (gen_random_uuid(), 'alice', 'v2.local.token-in-clear', 'curl', '127.0.0.1', now() + interval '1 day');
INSERT INTO verify_emails (username, email, secret_code)
    VALUES ('alice', 'alice@example.com', 'code-in-clear-abcdefghijklmnopqr');
