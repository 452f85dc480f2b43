-- Chooses the oldest pending tasks of one queue, for take.sql.
-- ?1 the quota: [[queue, count]]   ?2 the count
-- A LIMIT that is a mere parameter makes SQLite prepare the statement anew at each call; one that has
-- to be computed does not, hence the zero.
WITH chosen AS (
    SELECT seq FROM aftercommit_tasks
     WHERE queue = json_extract(?1, '$[0][0]') AND state = 2
       AND NOT EXISTS (SELECT 1 FROM aftercommit_pauses WHERE queue = json_extract(?1, '$[0][0]'))
     ORDER BY pos LIMIT ?2 + 0
)
