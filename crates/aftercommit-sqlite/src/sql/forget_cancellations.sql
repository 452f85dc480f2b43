-- Deletes wishes that every listener has had time to read.
-- ?1 requested up to
DELETE FROM aftercommit_cancellations WHERE requested_at <= ?1
