-- No transition: which tasks of the last insert were passed over.
-- ?1 the tasks as they were given to it   ?2 the seq of the last one it stored, NULL if it stored none
-- The n-th task of an insert gets a seq that is n greater than that of the first, stored or not; of tasks
-- with the same id the first one is stored.
WITH new AS MATERIALIZED (
    SELECT key AS nth, json_extract(value, '$[0]') AS queue, json_extract(value, '$[1]') AS id
      FROM json_each(?1)
),
start AS MATERIALIZED (
    SELECT o.seq - min(nth) AS seq
      FROM aftercommit_outbox AS o JOIN new ON new.queue = o.queue AND new.id = o.id
     WHERE o.seq = ?2
)
SELECT nth FROM new
 WHERE NOT EXISTS (SELECT 1 FROM start CROSS JOIN aftercommit_outbox AS o
                    WHERE o.seq = start.seq + new.nth AND o.queue = new.queue AND o.id = new.id)
