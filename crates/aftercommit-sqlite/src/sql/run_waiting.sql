-- scheduled | retry -> pending, by an operator; advance.sql takes the number.
-- ?1 the queue   ?2 the id   ?3 now
UPDATE aftercommit_tasks
   SET state = 2, at = ?3, pos = (SELECT ifnull(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'aftercommit_tasks')
 WHERE queue = ?1 AND id = ?2 AND state > 3
