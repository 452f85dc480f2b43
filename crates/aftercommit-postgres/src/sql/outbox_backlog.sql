-- No transition: how many rows wait, since when the oldest of them, how many are set aside and how many kept.
SELECT (SELECT count(*) FROM aftercommit.outbox WHERE state = 0) + (SELECT count(*) FROM aftercommit.outbox WHERE state = 1),
       least((SELECT enqueued_at FROM aftercommit.outbox WHERE state = 0 ORDER BY seq LIMIT 1),
             (SELECT min(enqueued_at) FROM aftercommit.outbox WHERE state = 1)),
       (SELECT count(*) FROM aftercommit.outbox WHERE state = 3),
       (SELECT count(*) FROM aftercommit.outbox WHERE state = 2)
