-- archived | completed -> (nothing).
-- ?1 the queue   ?2 the id
DELETE FROM aftercommit_ended WHERE queue = ?1 AND id = ?2
