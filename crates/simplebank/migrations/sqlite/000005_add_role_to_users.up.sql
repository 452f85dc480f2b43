-- What a user may do.
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'depositor';
