-- Ends a pause.
-- $1 the queue
DELETE FROM aftercommit.pauses WHERE queue = $1
