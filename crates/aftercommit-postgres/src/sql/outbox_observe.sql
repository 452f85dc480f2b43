-- kept and being looked at -> kept, with what was seen.
-- $1 seqs   $2 epochs   $3 when the tasks were seen, or NULL   $4 since when they are missing, or NULL   $5 when to look again
UPDATE aftercommit.outbox AS o
   SET epoch = o.epoch + 1, seen_at = coalesce(l.seen_at, o.seen_at), missing_since = l.missing_since, due_next = l.look_at
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
       AS l (seq, epoch, seen_at, missing_since, look_at)
 WHERE o.seq = ANY (ARRAY[l.seq]) AND o.epoch = l.epoch AND o.state + 0 = 2
