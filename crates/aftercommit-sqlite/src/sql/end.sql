-- active -> archived | completed, first half; remove.sql with the same leases is the other.
-- ?1 [[seq, epoch, queue, id, state, expires at, error, offset, length], ..]; no offset means no result
-- ?2 the results, end to end   ?3 now
-- A completed task gives up its unique lock, an archived one keeps it.
WITH lease AS MATERIALIZED (SELECT key AS nth, value AS item FROM json_each(?1))
INSERT INTO aftercommit_ended (state, ended_at, expires_at, queue, id, task_type, options, retried, recovered,
                               last_error, last_failed_at, unique_key, unique_until, payload, group_name,
                               result)
SELECT json_extract(item, '$[4]'),
       ?3,
       json_extract(item, '$[5]'),
       t.queue,
       t.id,
       t.task_type,
       t.options,
       t.retried,
       t.recovered,
       iif(json_extract(item, '$[4]') = 6, json_extract(item, '$[6]'), t.last_error),
       iif(json_extract(item, '$[4]') = 6, ?3, t.last_failed_at),
       iif(json_extract(item, '$[4]') = 6, t.unique_key, NULL),
       iif(json_extract(item, '$[4]') = 6, t.unique_until, NULL),
       t.payload,
       t.group_name,
       substr(?2, json_extract(item, '$[7]'), json_extract(item, '$[8]'))
  FROM lease CROSS JOIN aftercommit_tasks AS t
 WHERE t.seq = json_extract(item, '$[0]') AND t.epoch & 65535 = json_extract(item, '$[1]')
   AND t.queue = json_extract(item, '$[2]') AND t.id = json_extract(item, '$[3]') AND t.state = 3
 ORDER BY nth
