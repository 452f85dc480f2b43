-- Deletes wishes that every listener has had time to read.
-- $1 now   $2 how long that is, in milliseconds
DELETE FROM aftercommit.cancellations WHERE requested_at <= aftercommit.moment($1) - $2
