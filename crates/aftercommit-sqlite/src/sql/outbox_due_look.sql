-- No transition: whether a kept row is due for a look, and when the next one will be.
-- ?1 now
SELECT EXISTS (SELECT 1 FROM aftercommit_outbox WHERE look_at <= ?1),
       (SELECT min(look_at) FROM aftercommit_outbox WHERE look_at > ?1)
