-- claimed | kept -> set aside.
-- $1 seqs   $2 epochs   $3 errors
UPDATE aftercommit.outbox AS o
   SET state = 3, published_at = NULL, epoch = o.epoch + 1, error = l.error
  FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS l (seq, epoch, error)
 WHERE o.seq = ANY (ARRAY[l.seq]) AND o.epoch = l.epoch AND o.state + 0 < 3
