-- No transition: whether there is something to claim, and when there is something that cannot be claimed yet.
-- ?1 now
SELECT EXISTS (SELECT 1 FROM aftercommit_outbox WHERE free_at <= ?1),
       (SELECT min(free_at) FROM aftercommit_outbox WHERE free_at > ?1)
