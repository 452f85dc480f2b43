-- (nothing) -> waiting in the outbox.
-- ?1 tasks: [[queue, id, type, options, group, due, unique for, offset, length], ..]
-- ?2 the payloads, end to end   ?3 now
-- An id that is taken is passed over, also by an earlier one of the same call.
WITH new AS MATERIALIZED (SELECT key AS nth, value AS item FROM json_each(?1))
INSERT INTO aftercommit_outbox (seq, free_at, epoch, attempts, enqueued_at, queue, id, task_type, options,
                                group_name, due_at, unique_ms, payload)
SELECT last.seq + 1 + nth,
       0,
       0,
       0,
       ?3,
       json_extract(item, '$[0]'),
       json_extract(item, '$[1]'),
       json_extract(item, '$[2]'),
       json_extract(item, '$[3]'),
       json_extract(item, '$[4]'),
       json_extract(item, '$[5]'),
       json_extract(item, '$[6]'),
       substr(?2, json_extract(item, '$[7]'), json_extract(item, '$[8]'))
  FROM (SELECT ifnull(max(seq), 0) AS seq FROM sqlite_sequence WHERE name = 'aftercommit_outbox') AS last
       CROSS JOIN new
 WHERE true
    ON CONFLICT (queue, id) DO NOTHING
