-- active -> active, with another end of the lease. Answers with the places of the leases that are current.
-- $1 seqs   $2 epochs   $3 queues   $4 ids   $5 now   $6 for how long, in milliseconds
UPDATE aftercommit.tasks AS t
   SET leased_until = (SELECT aftercommit.moment($5)) + $6
  FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::text[]) WITH ORDINALITY AS l (seq, epoch, queue, id, nth)
 WHERE t.seq = l.seq AND t.epoch & 65535 = l.epoch AND t.queue = l.queue AND t.id = l.id AND t.state = 3
RETURNING l.nth
