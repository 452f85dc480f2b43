-- Asks whoever runs a task to stop it.
-- $1 the queue   $2 the id   $3 now
INSERT INTO aftercommit.cancellations (queue, id, requested_at) VALUES ($1, $2, aftercommit.moment($3)) RETURNING seq
