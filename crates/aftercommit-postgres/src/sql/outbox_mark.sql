-- any state -> (nothing), when the task is published and has ended, or nobody wants to know, whoever has claimed the row.
-- $1 seqs
DELETE FROM aftercommit.outbox WHERE seq = ANY ($1)
