-- any state but the last ones -> archived, second half.
-- ?1 as in archive_unreadable.sql
DELETE FROM aftercommit_tasks
 WHERE seq IN (SELECT t.seq FROM json_each(?1) AS l CROSS JOIN aftercommit_tasks AS t
                WHERE t.seq = json_extract(l.value, '$[0]') AND t.epoch = json_extract(l.value, '$[1]'))
