-- pending | scheduled | retry | aggregating -> archived, by an operator. The unique lock is kept.
-- $1 seqs, in the order in which they are archived   $2 now
WITH gone AS (
    DELETE FROM aftercommit.tasks AS t USING unnest($1::bigint[]) WITH ORDINALITY AS chosen (seq, nth)
     WHERE t.seq = chosen.seq
    RETURNING chosen.nth, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error, t.last_failed_at,
              t.unique_key, t.group_name, t.payload
),
archived AS (
    INSERT INTO aftercommit.ended (state, ended_at, queue, id, task_type, options, retried, recovered, last_error,
                                   last_failed_at, unique_key, group_name, payload)
    SELECT 6, (SELECT aftercommit.moment($2)), queue, id, task_type, options, retried, recovered, last_error,
           last_failed_at, unique_key, group_name, payload
      FROM gone ORDER BY nth
    RETURNING 1
)
SELECT count(*) FROM archived
