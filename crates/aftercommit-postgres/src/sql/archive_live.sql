-- pending | scheduled | retry | aggregating -> archived, by an operator. The unique lock is kept.
-- $1 seqs, in the order in which they are archived   $2 now
-- Why rows are found so stands in finish.sql.
-- Should there be an ended task with the same id, which a transaction of the host's that sees no changes may have brought
-- about, this one takes its place.
WITH gone AS (
    DELETE FROM aftercommit.tasks AS t USING unnest($1::bigint[]) WITH ORDINALITY AS chosen (seq, nth)
     WHERE t.seq = ANY (ARRAY[chosen.seq])
    RETURNING chosen.nth, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error, t.last_failed_at,
              t.unique_key, t.group_name, t.payload
),
archived AS (
    INSERT INTO aftercommit.ended (state, ended_at, queue, id, task_type, options, retried, recovered, last_error,
                                   last_failed_at, unique_key, group_name, payload)
    SELECT 6, (SELECT aftercommit.moment($2)), queue, id, task_type, options, retried, recovered, last_error,
           last_failed_at, unique_key, group_name, payload
      FROM gone ORDER BY nth
        ON CONFLICT (queue, id) DO UPDATE
       SET state = excluded.state, ended_at = excluded.ended_at, expires_at = NULL, task_type = excluded.task_type,
           options = excluded.options, retried = excluded.retried, recovered = excluded.recovered,
           last_error = excluded.last_error, last_failed_at = excluded.last_failed_at,
           unique_key = excluded.unique_key, group_name = excluded.group_name, payload = excluded.payload, result = NULL
    RETURNING 1
)
SELECT count(*) FROM archived
