-- active -> pending, for tasks of claims whose answers never came: at the front of their queues, in their order.
-- $1 keys   $2 now
-- Why rows are found so stands in finish.sql.
WITH held AS MATERIALIZED (
    SELECT t.seq, t.pos
      FROM aftercommit.claims AS c CROSS JOIN LATERAL (
           SELECT t.seq, t.pos FROM aftercommit.tasks AS t
            WHERE t.seq = ANY (c.seqs) AND t.claim = c.key AND t.leased_until > 0
              FOR UPDATE) AS t
     WHERE c.key = ANY ($1::bigint[])
),
numbered AS MATERIALIZED (
    SELECT latest.seq, nextval('aftercommit.tasks_front_seq') AS pos FROM (SELECT seq FROM held ORDER BY pos DESC) AS latest
)
UPDATE aftercommit.tasks AS t
   SET leased_until = 0, at = (SELECT aftercommit.moment($2)), pos = n.pos
  FROM numbered AS n
 WHERE t.seq = ANY (ARRAY[n.seq])
