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
    DELETE FROM aftercommit.unique_locks AS l USING gone
     WHERE l.queue = ANY (ARRAY[gone.queue]) AND l.key = ANY (ARRAY[gone.unique_key]) AND l.id = gone.id
       AND l.until > (SELECT aftercommit.moment($4))
)
SELECT EXISTS (SELECT 1 FROM batch)
