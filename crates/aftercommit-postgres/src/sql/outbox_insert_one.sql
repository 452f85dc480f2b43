-- (nothing) -> waiting in the outbox, for one task; what happens stands in the migration 0003_outbox. Answers false if the id
-- is taken.
-- $1 queue   $2 id   $3 type   $4 options   $5 group   $6 due, NULL for now   $7 unique for   $8 payload   $9 now
SELECT aftercommit.store_in_outbox($1, $2, $3, $4, $5, $6, $7, $8, $9)
