-- kept -> kept and being looked at.
-- $1 how many at most   $2 for how long   $3 now
-- Answers with the rows, those that were due longest first, and beside each, and on a row of its own if there are none, when
-- the next one is due.
WITH present AS MATERIALIZED (SELECT aftercommit.moment($3) AS now),
due AS MATERIALIZED (
    SELECT seq, due_next FROM aftercommit.outbox
     WHERE state = 2 AND due_next <= (SELECT now FROM present)
     ORDER BY due_next LIMIT $1 FOR UPDATE SKIP LOCKED
),
watched AS (
    UPDATE aftercommit.outbox AS o
       SET due_next = (SELECT now FROM present) + $2, epoch = o.epoch + 1
      FROM due
     WHERE o.seq = ANY (ARRAY[due.seq])
    RETURNING o.seq, o.epoch, o.queue, o.id, o.due_at, o.published_at, o.seen_at, o.missing_since, o.losses,
              due.due_next AS was_due
)
SELECT next.at, watched.*
  FROM (SELECT (SELECT due_next FROM aftercommit.outbox
                 WHERE state = 2 AND due_next > (SELECT now FROM present) ORDER BY due_next LIMIT 1) AS at) AS next
       LEFT JOIN watched ON true
 ORDER BY watched.was_due
