-- No transition: what a queue did on some days.
-- ?1 the queue   ?2 the first day   ?3 the last day
SELECT day, processed, failed FROM aftercommit_counts WHERE queue = ?1 AND day BETWEEN ?2 AND ?3
