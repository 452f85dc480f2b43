-- scheduled | retry -> pending, at the back of the queue and in the order of the due times; a task of a
-- group goes into its group.
-- ?1 queues: [name, ..]   ?2 now   ?3 how many at most
WITH due AS (
    SELECT t.seq, t.at
      FROM json_each(?1) AS q CROSS JOIN aftercommit_tasks AS t
        ON t.seq IN (SELECT seq FROM aftercommit_tasks
                      WHERE queue = q.value AND state > 3 AND at <= ?2 ORDER BY at LIMIT ?3 + 0)
),
first AS MATERIALIZED (
    SELECT seq, row_number() OVER (ORDER BY at, seq) AS nth FROM due ORDER BY at, seq LIMIT ?3 + 0
)
UPDATE aftercommit_tasks AS t
   SET state = iif(t.group_name IS NULL, 2, 1),
       at = ?2,
       pos = (SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'aftercommit_tasks') + first.nth
  FROM first
 WHERE t.seq = first.seq
