-- No transition: which tasks of the last enqueue were passed over, and why.
-- ?1 the tasks as they were given to it   ?2 the seq of the last one it stored, NULL if it stored none
-- The n-th task of an enqueue gets a seq that is n greater than that of the first, stored or not; the
-- last one stored therefore tells the seq of every other.
WITH new AS MATERIALIZED (
    SELECT key AS nth, json_extract(value, '$[0]') AS queue, json_extract(value, '$[1]') AS id
      FROM json_each(?1)
),
start AS MATERIALIZED (
    SELECT t.seq - nth AS seq
      FROM aftercommit_tasks AS t JOIN new ON new.queue = t.queue AND new.id = t.id
     WHERE t.seq = ?2
)
SELECT nth,
       EXISTS (SELECT 1 FROM aftercommit_tasks AS t WHERE t.queue = new.queue AND t.id = new.id)
       OR EXISTS (SELECT 1 FROM aftercommit_ended AS e WHERE e.queue = new.queue AND e.id = new.id)
  FROM new
 WHERE NOT EXISTS (SELECT 1 FROM start CROSS JOIN aftercommit_tasks AS t
                    WHERE t.seq = start.seq + new.nth AND t.queue = new.queue AND t.id = new.id)
