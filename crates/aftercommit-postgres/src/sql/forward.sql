-- scheduled | retry -> pending, at the back of the queue and in the order of the due times; a task of a group goes into
-- its group. Answers with how many, the present moment, and when the next one is due.
-- Why the rows are found so stands in finish.sql; they are locked, and so they are still what they were.
-- $1 queues   $2 now   $3 how many at most   $4 due from which moment on
WITH present AS MATERIALIZED (SELECT aftercommit.moment($2) AS now),
due AS (
    SELECT t.tid, t.at, t.seq
      FROM present AS p, unnest($1::text[]) AS q (queue) CROSS JOIN LATERAL (
           SELECT ctid AS tid, at, seq FROM aftercommit.tasks
            WHERE queue = q.queue AND state > 3 AND at >= $4 AND at <= p.now
            ORDER BY at LIMIT $3 FOR UPDATE SKIP LOCKED) AS t
     ORDER BY t.at, t.seq LIMIT $3
),
numbered AS MATERIALIZED (SELECT tid, at, seq, nextval('aftercommit.tasks_seq_seq') AS pos FROM due),
moved AS (
    UPDATE aftercommit.tasks AS t
       SET state = CASE WHEN t.group_name IS NULL THEN 2 ELSE 1 END, at = (SELECT now FROM present), pos = n.pos
      FROM numbered AS n
     WHERE t.seq = ANY (ARRAY[n.seq])
    RETURNING n.at
),
total AS MATERIALIZED (SELECT count(*) AS count, max(at) AS last FROM moved)
SELECT total.count, present.now,
       -- Up to the present moment there is nothing more, unless the limit kept it back.
       (SELECT min((SELECT t.at FROM aftercommit.tasks AS t
                     WHERE t.queue = q.queue AND t.state > 3
                       AND t.at >= CASE WHEN total.count < $3 THEN present.now + 1 ELSE coalesce(total.last, $4) END
                       AND NOT EXISTS (SELECT 1 FROM numbered AS n WHERE n.seq = t.seq)
                     ORDER BY t.at LIMIT 1))
          FROM unnest($1::text[]) AS q (queue))
  FROM total, present
