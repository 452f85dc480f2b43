-- The end of a list: the task with an id.
-- $1 the queue   $2 the id
 WHERE t.queue = $1 AND t.id = $2
