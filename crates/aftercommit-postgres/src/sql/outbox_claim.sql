-- waiting | put off -> claimed.
-- $1 how many at most   $2 how many bytes of payloads at most, if there is more than one row   $3 from which seq on
-- $4 for how long   $5 now
-- Answers with the rows, oldest first; beside each, and on a row of its own if there are none, when the next one may be
-- claimed (only if this took fewer than it could), and whether the length of the payloads has left something behind.
-- What others are just claiming is passed over. Why rows are found by `= ANY` stands in finish.sql.
WITH present AS MATERIALIZED (SELECT aftercommit.moment($5) AS now),
fresh AS MATERIALIZED (
    SELECT seq, octet_length(payload) AS bytes FROM aftercommit.outbox
     WHERE state = 0 AND seq >= $3 AND held_until <= (SELECT now FROM present)
     ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED
),
ripe AS MATERIALIZED (
    SELECT seq, octet_length(payload) AS bytes FROM aftercommit.outbox
     WHERE state = 1 AND due_next <= (SELECT now FROM present)
     ORDER BY due_next LIMIT $1 FOR UPDATE SKIP LOCKED
),
first AS MATERIALIZED (
    SELECT seq, bytes FROM (TABLE fresh UNION ALL TABLE ripe) AS free ORDER BY seq LIMIT $1
),
chosen AS MATERIALIZED (
    SELECT seq FROM (SELECT seq, row_number() OVER oldest AS nth, sum(bytes) OVER oldest AS bytes
                       FROM first WINDOW oldest AS (ORDER BY seq)) AS measured
     WHERE nth = 1 OR bytes <= $2
),
claimed AS (
    UPDATE aftercommit.outbox AS o
       SET state = 0, held_until = (SELECT now FROM present) + $4, epoch = o.epoch + 1
     WHERE o.seq = ANY (ARRAY(SELECT seq FROM chosen))
    RETURNING o.seq, o.epoch, o.attempts, o.losses, o.enqueued_at, o.queue, o.id, o.task_type, o.options, o.group_name,
              o.due_at, o.unique_ms, o.payload
)
SELECT next.at, next.is_cut, next.now, claimed.*
  FROM (SELECT CASE WHEN (SELECT count(*) FROM first) < $1 THEN least(
                   (SELECT min(held_until) FROM aftercommit.outbox
                     WHERE state = 0 AND seq >= $3 AND held_until > (SELECT now FROM present)),
                   (SELECT due_next FROM aftercommit.outbox
                     WHERE state = 1 AND due_next > (SELECT now FROM present) ORDER BY due_next LIMIT 1)) END AS at,
               (SELECT count(*) FROM chosen) < (SELECT count(*) FROM first) AS is_cut,
               (SELECT now FROM present) AS now) AS next
       LEFT JOIN claimed ON true
 ORDER BY claimed.seq
