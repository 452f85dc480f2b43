-- No transition: how many rows wait, since when the oldest of them, and how many are buried.
SELECT (SELECT count(*) FROM aftercommit_outbox WHERE free_at IS NOT NULL),
       (SELECT enqueued_at FROM aftercommit_outbox WHERE +free_at IS NOT NULL AND seq > 0 ORDER BY seq LIMIT 1),
       (SELECT count(*) FROM aftercommit_outbox WHERE free_at IS NULL)
