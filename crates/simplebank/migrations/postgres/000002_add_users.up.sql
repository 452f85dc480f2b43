-- Users; from here on an account belongs to one, and there is one account per owner and currency.
CREATE TABLE users (
    username varchar PRIMARY KEY,
    hashed_password varchar NOT NULL,
    full_name varchar NOT NULL,
    email varchar NOT NULL CONSTRAINT users_email_key UNIQUE,
    password_changed_at timestamptz NOT NULL DEFAULT '0001-01-01 00:00:00Z', -- never
    created_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE accounts
    ADD CONSTRAINT accounts_owner_fkey FOREIGN KEY (owner) REFERENCES users (username),
    ADD CONSTRAINT owner_currency_key UNIQUE (owner, currency);
