-- kept -> waiting, when the task is lost.
-- $1 seqs   $2 epochs
UPDATE aftercommit.outbox AS o
   SET state = 0, held_until = 0, published_at = NULL, epoch = o.epoch + 1, losses = o.losses + 1
  FROM unnest($1::bigint[], $2::bigint[]) AS l (seq, epoch)
 WHERE o.seq = ANY (ARRAY[l.seq]) AND o.epoch = l.epoch AND o.state + 0 = 2
