-- pending | scheduled | retry | aggregating -> (nothing), by an operator. Frees the unique locks that they own, and
-- remembers that the queue has held tasks.
-- $1 seqs   $2 now
-- A lock that has run out is left where it is: somebody may be taking it over, and must not be waited for.
WITH gone AS (
    DELETE FROM aftercommit.tasks WHERE seq = ANY ($1) RETURNING queue, id, unique_key
),
freed AS (
    DELETE FROM aftercommit.unique_locks AS l USING gone
     WHERE l.queue = ANY (ARRAY[gone.queue]) AND l.key = ANY (ARRAY[gone.unique_key]) AND l.id = gone.id
       AND l.until > (SELECT aftercommit.moment($2))
),
known AS (
    INSERT INTO aftercommit.counts (queue, day, processed, failed)
    SELECT DISTINCT queue, ((SELECT aftercommit.moment($2)) / 86400000)::integer, 0, 0 FROM gone
        ON CONFLICT (queue, day) DO NOTHING
)
SELECT count(*) FROM gone
