-- (nothing) -> pending | scheduled | aggregating.
-- $1 queues   $2 ids   $3 types   $4 states   $5 due, NULL for now   $6 options   $7 groups   $8 payloads   $9 now
INSERT INTO aftercommit.tasks (seq, state, pos, at, queue, id, task_type, options, group_name, payload)
SELECT new.seq, new.state, new.seq, coalesce(new.due, aftercommit.moment($9)), new.queue, new.id, new.task_type,
       new.options, new.group_name, new.payload
  FROM (SELECT nextval('aftercommit.tasks_seq_seq') AS seq, given.*
          FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::bigint[], $6::text[], $7::text[], $8::bytea[])
               WITH ORDINALITY AS given (queue, id, task_type, state, due, options, group_name, payload, nth)
         ORDER BY given.nth) AS new
    ON CONFLICT (queue, id) DO NOTHING
RETURNING queue, id
