-- (nothing) -> waiting in the outbox.
-- $1 queues   $2 ids   $3 types   $4 options   $5 groups   $6 due, NULL for now   $7 unique for   $8 payloads   $9 now
-- An id that is taken is passed over, also by an earlier one of the same call.
INSERT INTO aftercommit.outbox (seq, enqueued_at, queue, id, task_type, options, group_name, due_at, unique_ms, payload)
SELECT new.seq, aftercommit.moment($9), new.queue, new.id, new.task_type, new.options, new.group_name, new.due,
       new.unique_for, new.payload
  FROM (SELECT nextval('aftercommit.outbox_seq_seq') AS seq, given.*
          FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bytea[])
               WITH ORDINALITY AS given (queue, id, task_type, options, group_name, due, unique_for, payload, nth)
         ORDER BY given.nth) AS new
    ON CONFLICT (queue, id) DO NOTHING
RETURNING queue, id
