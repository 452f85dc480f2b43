-- any state but the last ones -> archived, for rows that another program has spoilt. What could be read is kept, and so
-- are the payload and the unique lock.
-- $1 seqs   $2 epochs   $3 ids   $4 types   $5 options   $6 groups   $7 reasons   $8 now
WITH spoilt AS (
    DELETE FROM aftercommit.tasks AS t
     USING unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
           AS l (seq, epoch, id, task_type, options, group_name, reason)
     WHERE t.seq = ANY (ARRAY[l.seq]) AND t.epoch = l.epoch
    RETURNING t.queue, l.id, l.task_type, l.options, greatest(t.retried, 0) AS retried, greatest(t.recovered, 0) AS recovered,
              l.reason, t.unique_key, l.group_name, t.payload
)
INSERT INTO aftercommit.ended (state, ended_at, queue, id, task_type, options, retried, recovered, last_error, last_failed_at,
                               unique_key, group_name, payload)
SELECT 6, p.now, s.queue, s.id, s.task_type, s.options, s.retried, s.recovered, s.reason, p.now, s.unique_key, s.group_name,
       s.payload
  FROM spoilt AS s, (SELECT aftercommit.moment($8) AS now) AS p
    ON CONFLICT (queue, id) DO NOTHING
