-- (nothing) -> pending | scheduled | aggregating; what happens stands in the migration 0002_store_tasks.
-- $1 queues   $2 ids   $3 types   $4 due, NULL for now   $5 options   $6 groups   $7 payloads   $8 milliseconds of the
-- unique locks   $9 retried   $10 recovered   $11 last errors   $12 when they failed   $13 now
SELECT aftercommit.store_tasks($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
