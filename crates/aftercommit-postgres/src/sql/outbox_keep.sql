-- waiting | claimed | put off -> kept, when the task is published, whoever has claimed the row.
-- $1 seqs   $2 when the tasks were seen   $3 when to look   $4 now
UPDATE aftercommit.outbox AS o
   SET state = 2, epoch = o.epoch + 1, published_at = aftercommit.moment($4), seen_at = l.seen_at, missing_since = NULL,
       due_next = l.look_at
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS l (seq, seen_at, look_at)
 WHERE o.seq = ANY (ARRAY[l.seq]) AND o.state + 0 < 2
