-- Takes back 4: no codes; which addresses were proved is lost.
DROP TABLE verify_emails;

ALTER TABLE users DROP COLUMN is_email_verified;
