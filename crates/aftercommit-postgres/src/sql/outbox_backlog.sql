-- No transition: how many rows wait, since when the oldest of them, how many are set aside and how many kept.
SELECT count(*) FILTER (WHERE state < 2), min(enqueued_at) FILTER (WHERE state < 2), count(*) FILTER (WHERE state = 3),
       count(*) FILTER (WHERE state = 2)
  FROM aftercommit.outbox
