-- What there is that somebody may wait for. Most commits, of leases, heartbeats or the host's own data, are about nothing
-- of it, and while nobody has committed anything at all ($1: what this said last time) it is not even looked at.
-- $1 snapshot
WITH present AS MATERIALIZED (SELECT txid_current_snapshot()::text AS snapshot)
SELECT present.snapshot, seen.*
  FROM present
  LEFT JOIN LATERAL (
    WITH RECURSIVE
    -- One queue after the other, each found at once in the index.
    pending AS (
        (SELECT queue, pos FROM aftercommit.tasks WHERE state = 2 AND leased_until = 0 ORDER BY queue, pos LIMIT 1)
        UNION ALL
        (SELECT next.queue, next.pos FROM pending, LATERAL (
            SELECT queue, pos FROM aftercommit.tasks
             WHERE state = 2 AND leased_until = 0 AND queue > pending.queue ORDER BY queue, pos LIMIT 1) AS next)
    ),
    waiting AS (
        (SELECT queue, at FROM aftercommit.tasks WHERE state > 3 ORDER BY queue, at LIMIT 1)
        UNION ALL
        (SELECT next.queue, next.at FROM waiting, LATERAL (
            SELECT queue, at FROM aftercommit.tasks
             WHERE state > 3 AND queue > waiting.queue ORDER BY queue, at LIMIT 1) AS next)
    )
    SELECT (SELECT hashtext(string_agg(queue || pos, ' ')) FROM pending) AS pending,
           (SELECT hashtext(string_agg(queue || at, ' ')) FROM waiting) AS due,
           EXISTS (SELECT FROM aftercommit.tasks WHERE state = 1) AS grouped,
           -- Not the last one: who takes the smaller number may commit later.
           (SELECT sum(seq)::bigint FROM aftercommit.cancellations) AS cancelled,
           -- The first row of the outbox that nobody has claimed.
           (SELECT seq FROM aftercommit.outbox WHERE state = 0 AND held_until = 0 ORDER BY seq LIMIT 1) AS outbox
     WHERE present.snapshot IS DISTINCT FROM $1
  ) AS seen ON true
