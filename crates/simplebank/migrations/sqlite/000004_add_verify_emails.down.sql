DROP TABLE verify_emails;

ALTER TABLE users DROP COLUMN is_email_verified;
