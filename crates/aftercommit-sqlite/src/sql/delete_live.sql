-- pending | scheduled | retry | aggregating -> (nothing), by an operator.
-- ?1 [seq, ..]
DELETE FROM aftercommit_tasks WHERE seq IN (SELECT value FROM json_each(?1))
