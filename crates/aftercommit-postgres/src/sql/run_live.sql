-- scheduled | retry | aggregating -> pending, by an operator.
-- $1 seqs, in the order in which they will run   $2 now
-- Why rows are found so stands in finish.sql.
WITH chosen AS MATERIALIZED (
    SELECT given.seq, nextval('aftercommit.tasks_seq_seq') AS pos
      FROM (SELECT seq FROM unnest($1::bigint[]) WITH ORDINALITY AS seqs (seq, nth) ORDER BY nth) AS given
),
run AS (
    UPDATE aftercommit.tasks AS t
       SET state = 2, at = (SELECT aftercommit.moment($2)), pos = chosen.pos
      FROM chosen
     WHERE t.seq = ANY (ARRAY[chosen.seq])
    RETURNING 1
)
SELECT count(*) FROM run
