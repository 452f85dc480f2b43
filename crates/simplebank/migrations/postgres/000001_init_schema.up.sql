-- Accounts and the movements between them. Amounts are minor units.
CREATE TABLE accounts (
    id bigserial PRIMARY KEY,
    owner varchar NOT NULL,
    balance bigint NOT NULL,
    currency varchar NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE entries (
    id bigserial PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts (id),
    amount bigint NOT NULL, -- negative for money that leaves the account
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE transfers (
    id bigserial PRIMARY KEY,
    from_account_id bigint NOT NULL REFERENCES accounts (id),
    to_account_id bigint NOT NULL REFERENCES accounts (id),
    amount bigint NOT NULL, -- positive
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX accounts_owner_idx ON accounts (owner);
CREATE INDEX entries_account_id_idx ON entries (account_id);
CREATE INDEX transfers_from_account_id_idx ON transfers (from_account_id);
CREATE INDEX transfers_to_account_id_idx ON transfers (to_account_id);
CREATE INDEX transfers_from_account_id_to_account_id_idx ON transfers (from_account_id, to_account_id);
