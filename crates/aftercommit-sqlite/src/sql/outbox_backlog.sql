-- No transition: how many rows wait, since when the oldest of them, how many are buried and how many kept.
SELECT (SELECT count(*) FROM aftercommit_outbox WHERE free_at IS NOT NULL),
       (SELECT min(enqueued_at) FROM aftercommit_outbox WHERE free_at IS NOT NULL),
       (SELECT count(*) FROM aftercommit_outbox WHERE free_at IS NULL AND look_at IS NULL),
       (SELECT count(*) FROM aftercommit_outbox WHERE look_at IS NOT NULL)
