-- archived | completed -> (nothing), by an operator. Frees the unique locks that they own, and
-- remembers that the queue has held tasks.
-- $1 seqs   $2 now
-- A lock that has run out is left where it is: somebody may be taking it over, and must not be waited for.
WITH gone AS (
    DELETE FROM aftercommit.ended WHERE seq = ANY ($1) RETURNING queue, id, unique_key
),
freed AS (
    DELETE FROM aftercommit.unique_locks AS u
     USING (SELECT queue, unique_key, id FROM gone WHERE unique_key IS NOT NULL ORDER BY queue, unique_key) AS g
     WHERE u.queue = ANY (ARRAY[g.queue]) AND u.key = ANY (ARRAY[g.unique_key]) AND u.id = g.id
       AND u.until > (SELECT aftercommit.moment($2))
),
known AS (
    INSERT INTO aftercommit.counts (queue, day, processed, failed)
    SELECT DISTINCT queue, ((SELECT aftercommit.moment($2)) / 86400000)::integer, 0, 0 FROM gone
        ON CONFLICT (queue, day) DO NOTHING
)
SELECT count(*) FROM gone
