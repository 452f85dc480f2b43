-- claimed -> put off. The claim ends, so that saying it again changes nothing.
-- $1 seqs   $2 epochs   $3 until when   $4 errors
UPDATE aftercommit.outbox AS o
   SET state = 1, due_next = l.until, epoch = o.epoch + 1, attempts = o.attempts + 1, error = l.error
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) AS l (seq, epoch, until, error)
 WHERE o.seq = ANY (ARRAY[l.seq]) AND o.epoch = l.epoch AND o.state + 0 = 0
