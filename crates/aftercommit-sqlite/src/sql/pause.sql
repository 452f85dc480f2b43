-- Pauses a queue, unless it is paused.
-- ?1 the queue   ?2 now
INSERT INTO aftercommit_pauses (queue, since) VALUES (?1, ?2) ON CONFLICT (queue) DO NOTHING
