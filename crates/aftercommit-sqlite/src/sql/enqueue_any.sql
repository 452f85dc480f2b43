-- (nothing) -> pending | scheduled | aggregating, for any task: one that takes a unique lock, is of a group,
-- or has a past.
-- ?1 tasks: [[queue, id, type, state, at, options, offset, length, retried, recovered, last error,
--    when it failed, unique key in hex, unique until, group], ..]   ?2 the payloads, end to end   ?3 now
-- As enqueue.sql, and a task whose lock is held is passed over. No two tasks of one call share an id or
-- a free lock (the caller sees to it), so that each can be judged by what was there before.
WITH new AS MATERIALIZED (SELECT key AS nth, value AS item FROM json_each(?1))
INSERT INTO aftercommit_tasks (seq, state, pos, at, epoch, worker, queue, id, task_type, options, payload,
                               retried, recovered, last_error, last_failed_at, unique_key, unique_until, group_name)
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
       substr(?2, json_extract(item, '$[6]'), json_extract(item, '$[7]')),
       json_extract(item, '$[8]'),
       json_extract(item, '$[9]'),
       json_extract(item, '$[10]'),
       json_extract(item, '$[11]'),
       unhex(json_extract(item, '$[12]')),
       json_extract(item, '$[13]'),
       json_extract(item, '$[14]')
  FROM (SELECT ifnull(max(seq), 0) AS seq FROM sqlite_sequence WHERE name = 'aftercommit_tasks') AS last CROSS JOIN new
 WHERE NOT EXISTS (SELECT 1 FROM aftercommit_ended AS e
                    WHERE e.queue = json_extract(item, '$[0]') AND e.id = json_extract(item, '$[1]'))
   AND NOT EXISTS (SELECT 1 FROM aftercommit_tasks AS t
                    WHERE t.queue = json_extract(item, '$[0]')
                      AND t.unique_key = unhex(json_extract(item, '$[12]')) AND t.unique_until > ?3)
   AND NOT EXISTS (SELECT 1 FROM aftercommit_ended AS e
                    WHERE e.queue = json_extract(item, '$[0]')
                      AND e.unique_key = unhex(json_extract(item, '$[12]')) AND e.unique_until > ?3)
    ON CONFLICT (queue, id) DO NOTHING
