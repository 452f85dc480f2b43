-- (nothing) -> pending | scheduled, for fresh tasks without a unique lock and a group.
-- ?1 tasks: [[queue, id, type, state, at, options, offset, length], ..]   ?2 the payloads, end to end
-- An id that is taken, by a task that is over too, is passed over. The check is part of the statement
-- that writes: SQLite has one writer, and whoever writes sees everything that was committed before.
WITH new AS MATERIALIZED (SELECT key AS nth, value AS item FROM json_each(?1))
INSERT INTO aftercommit_tasks (seq, state, pos, at, epoch, worker, queue, id, task_type, options, payload)
SELECT last.seq + 1 + nth,
       json_extract(item, '$[3]'),
       last.seq + 1 + nth,
       json_extract(item, '$[4]'),
       2,
       2,
       json_extract(item, '$[0]'),
       json_extract(item, '$[1]'),
       json_extract(item, '$[2]'),
       json_extract(item, '$[5]'),
       substr(?2, json_extract(item, '$[6]'), json_extract(item, '$[7]'))
  FROM (SELECT ifnull(max(seq), 0) AS seq FROM sqlite_sequence WHERE name = 'aftercommit_tasks') AS last CROSS JOIN new
 WHERE NOT EXISTS (SELECT 1 FROM aftercommit_ended AS e
                    WHERE e.queue = json_extract(item, '$[0]') AND e.id = json_extract(item, '$[1]'))
    ON CONFLICT (queue, id) DO NOTHING
