-- (nothing) -> pending | scheduled | aggregating, for one task whose id was made for it, without a unique lock; what happens
-- stands in the migration 0002_store_tasks.
-- $1 queue   $2 id   $3 type   $4 due, NULL for now   $5 options   $6 group   $7 payload   $8 now
SELECT aftercommit.store_new_task($1, $2, $3, $4, $5, $6, $7, $8)
