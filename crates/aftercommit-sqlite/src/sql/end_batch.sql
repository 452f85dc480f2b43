-- Ends a batch, if it is there; its tasks are then deleted or put back.
-- ?1 the key   ?2 the queue   ?3 the group
DELETE FROM aftercommit_batches WHERE key = ?1 AND queue = ?2 AND group_name = ?3
