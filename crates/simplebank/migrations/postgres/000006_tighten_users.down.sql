-- Takes back 6: the looser table of users; addresses are unique by their exact spelling only.
COMMENT ON COLUMN users.role IS NULL;
COMMENT ON COLUMN users.is_email_verified IS NULL;
COMMENT ON COLUMN users.password_changed_at IS NULL;
COMMENT ON COLUMN users.hashed_password IS NULL;
COMMENT ON TABLE users IS NULL;
COMMENT ON TABLE sessions IS NULL;
COMMENT ON COLUMN transfers.amount IS NULL;
COMMENT ON TABLE transfers IS NULL;
COMMENT ON COLUMN entries.amount IS NULL;
COMMENT ON TABLE entries IS NULL;
COMMENT ON COLUMN accounts.currency IS NULL;
COMMENT ON COLUMN accounts.balance IS NULL;
COMMENT ON TABLE accounts IS NULL;

ALTER TABLE users
    DROP CONSTRAINT users_role_check,
    DROP CONSTRAINT users_username_check;
DROP INDEX users_email_lower_key;
ALTER TABLE users DROP COLUMN shares_mailbox;
