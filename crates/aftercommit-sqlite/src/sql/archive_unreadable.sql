-- any state but the last ones -> archived, for rows that another program has spoilt, first half;
-- delete_unreadable.sql is the other. What could be read is kept, and so are the payload and the unique lock.
-- ?1 [[seq, epoch, id, type, options, group, retried, recovered, reason], ..]   ?2 now
WITH spoilt AS MATERIALIZED (SELECT value AS item FROM json_each(?1))
INSERT INTO aftercommit_ended (state, ended_at, queue, id, task_type, options, group_name, retried, recovered,
                               last_error, last_failed_at, unique_key, unique_until, payload)
SELECT 6,
       ?2,
       t.queue,
       json_extract(item, '$[2]'),
       json_extract(item, '$[3]'),
       json_extract(item, '$[4]'),
       json_extract(item, '$[5]'),
       json_extract(item, '$[6]'),
       json_extract(item, '$[7]'),
       json_extract(item, '$[8]'),
       ?2,
       t.unique_key,
       t.unique_until,
       t.payload
  FROM spoilt CROSS JOIN aftercommit_tasks AS t
 WHERE t.seq = json_extract(item, '$[0]') AND t.epoch = json_extract(item, '$[1]')
