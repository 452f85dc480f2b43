-- any state -> (nothing), when the task is published, whoever has claimed the row.
-- ?1 [seq, ..]
DELETE FROM aftercommit_outbox WHERE seq IN (SELECT value FROM json_each(?1))
