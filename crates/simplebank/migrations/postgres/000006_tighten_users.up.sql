-- The rules that no code path may get around: who can be a user, and one user per mailbox, where
-- Alice@example.com and alice@example.com are the same mailbox. And, in the schema, what the tables are for.
--
-- A database that was filled before may hold rows that break the rules. Those stay as they are, the rules hold for
-- every row that is written from now on, and `simplebank audit` lists what is left to repair.

-- Of the users who share a mailbox the first keeps it; the others are marked, and no further one can join them.
-- Only the letters A to Z are folded, here as in the program: what a locale makes of the others is not the same
-- on all machines. Comes first, because a row that breaks a rule cannot be written once the rule is there.
ALTER TABLE users ADD COLUMN shares_mailbox boolean NOT NULL DEFAULT false;
UPDATE users SET shares_mailbox = true
WHERE EXISTS (
    SELECT 1 FROM users earlier
    WHERE lower(earlier.email COLLATE "C") = lower(users.email COLLATE "C")
      AND (earlier.created_at, earlier.username) < (users.created_at, users.username)
);
CREATE UNIQUE INDEX users_email_lower_key ON users (lower(email COLLATE "C")) WHERE NOT shares_mailbox;

ALTER TABLE users
    ADD CONSTRAINT users_username_check CHECK (username ~ '^[a-z0-9_]{3,100}$') NOT VALID,
    ADD CONSTRAINT users_role_check CHECK (role::text IN ('depositor', 'banker')) NOT VALID;

DO $$
DECLARE
    rule text;
BEGIN
    FOREACH rule IN ARRAY ARRAY['users_username_check', 'users_role_check'] LOOP
        BEGIN
            EXECUTE format('ALTER TABLE users VALIDATE CONSTRAINT %I', rule);
        EXCEPTION WHEN check_violation THEN
            RAISE NOTICE 'rows of users break %: it holds for new rows only', rule;
        END;
    END LOOP;
END
$$;

COMMENT ON TABLE accounts IS 'Accounts: one per owner and currency.';
COMMENT ON COLUMN accounts.balance IS 'In minor units of the currency.';
COMMENT ON COLUMN accounts.currency IS 'ISO 4217 code.';
COMMENT ON TABLE entries IS 'What was added to or taken from an account.';
COMMENT ON COLUMN entries.amount IS 'In minor units; negative for money that leaves the account.';
COMMENT ON TABLE transfers IS 'Movements of money from one account to another.';
COMMENT ON COLUMN transfers.amount IS 'In minor units; positive.';
COMMENT ON TABLE sessions IS 'Login sessions.';
COMMENT ON TABLE users IS 'Users; the username is what the others refer to.';
COMMENT ON COLUMN users.hashed_password IS 'In PHC form, as in $argon2id$...; of older databases also bcrypt.';
COMMENT ON COLUMN users.password_changed_at IS 'Year 1 means never.';
COMMENT ON COLUMN users.is_email_verified IS 'Whether the user has proved the present address.';
COMMENT ON COLUMN users.role IS 'What the user may do.';
COMMENT ON COLUMN users.shares_mailbox IS
    'Whether an earlier user had the same address, differently capitalised, before that was refused.';
