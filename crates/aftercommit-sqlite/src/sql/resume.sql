-- Ends a pause.
-- ?1 the queue
DELETE FROM aftercommit_pauses WHERE queue = ?1
