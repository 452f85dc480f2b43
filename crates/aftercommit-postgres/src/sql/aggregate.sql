-- aggregating -> (nothing): the tasks of a batch, which another one is to stand for, and the unique locks that they own.
-- Answers whether the batch was there.
-- $1 the batch   $2 the queue   $3 the group   $4 now
-- A lock that has run out is left where it is, as in delete_live.sql.
WITH batch AS (
    DELETE FROM aftercommit.batches WHERE key = $1 AND queue = $2 AND group_name = $3 RETURNING key
),
gone AS (
    DELETE FROM aftercommit.tasks AS t USING batch
     WHERE t.queue = $2 AND t.state = 1 AND t.group_name = $3 AND t.batch = batch.key
    RETURNING t.queue, t.id, t.unique_key
),
freed AS (
    DELETE FROM aftercommit.unique_locks AS u
     USING (SELECT queue, unique_key, id FROM gone WHERE unique_key IS NOT NULL ORDER BY queue, unique_key) AS g
     WHERE u.queue = ANY (ARRAY[g.queue]) AND u.key = ANY (ARRAY[g.unique_key]) AND u.id = g.id
       AND u.until > (SELECT aftercommit.moment($4))
)
SELECT EXISTS (SELECT 1 FROM batch)
