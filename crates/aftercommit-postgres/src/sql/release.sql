-- aggregating -> aggregating, outside of a batch again. A task is as old in its group as it was.
-- $1 the batch   $2 the queue   $3 the group
WITH batch AS (
    DELETE FROM aftercommit.batches WHERE key = $1 AND queue = $2 AND group_name = $3 RETURNING key
)
UPDATE aftercommit.tasks AS t SET batch = NULL FROM batch
 WHERE t.queue = $2 AND t.state = 1 AND t.group_name = $3 AND t.batch = batch.key
