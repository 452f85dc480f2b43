-- archived | completed -> pending, by an operator.
-- $1 seqs, in the order in which they will run   $2 now
-- Why rows are found so stands in finish.sql.
-- Should there be a task with the same id, which a transaction of the host's that sees no changes may have stored, that one
-- stays.
WITH chosen AS MATERIALIZED (
    SELECT given.seq, nextval('aftercommit.tasks_seq_seq') AS pos
      FROM (SELECT seq FROM unnest($1::bigint[]) WITH ORDINALITY AS seqs (seq, nth) ORDER BY nth) AS given
),
run AS (
    INSERT INTO aftercommit.tasks (seq, state, pos, at, queue, id, task_type, options, retried, recovered, last_error,
                                   last_failed_at, unique_key, group_name, payload)
    SELECT chosen.pos, 2, chosen.pos, (SELECT aftercommit.moment($2)), e.queue, e.id, e.task_type, e.options, e.retried,
           e.recovered, e.last_error, e.last_failed_at, e.unique_key, e.group_name, e.payload
      FROM chosen JOIN aftercommit.ended AS e ON e.seq = ANY (ARRAY[chosen.seq])
        ON CONFLICT (queue, id) DO NOTHING
),
gone AS (
    DELETE FROM aftercommit.ended WHERE seq = ANY ($1) RETURNING 1
)
SELECT count(*) FROM gone
