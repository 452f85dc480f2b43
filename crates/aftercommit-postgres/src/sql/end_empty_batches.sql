-- Ends the batches of some queues that have no task: all that they had could not be read.
-- $1 queues
DELETE FROM aftercommit.batches AS b
 WHERE b.queue = ANY ($1)
   AND (SELECT t.seq FROM aftercommit.tasks AS t
         WHERE t.queue = b.queue AND t.state = 1 AND t.group_name = b.group_name AND t.batch = b.key
         ORDER BY t.at, t.pos LIMIT 1) IS NULL
