-- No transition: the wishes after one.
-- ?1 its seq
SELECT seq, queue, id FROM aftercommit_cancellations WHERE seq > ?1 ORDER BY seq
