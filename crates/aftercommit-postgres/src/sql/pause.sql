-- Pauses a queue, unless it is paused.
-- $1 the queue   $2 now
INSERT INTO aftercommit.pauses (queue, since) VALUES ($1, aftercommit.moment($2)) ON CONFLICT (queue) DO NOTHING
