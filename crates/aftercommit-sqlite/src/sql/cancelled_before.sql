-- No transition: the last wish before a moment.
-- ?1 the moment
SELECT ifnull(max(seq), 0) FROM aftercommit_cancellations WHERE requested_at < ?1
