-- Takes back 5: all users are equal again.
ALTER TABLE users DROP COLUMN role;
