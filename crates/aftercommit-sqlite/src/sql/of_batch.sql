-- The end of a list: the tasks of a batch, in the order in which they were added.
-- ?1 the queue   ?2 the batch
 WHERE t.queue = ?1 AND t.state = 1 AND t.batch = ?2 ORDER BY t.at, t.pos
