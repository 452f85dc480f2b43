-- archived | completed -> (nothing).
-- ?1 [seq, ..]
DELETE FROM aftercommit_ended WHERE seq IN (SELECT value FROM json_each(?1))
