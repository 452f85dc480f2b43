-- active -> pending, at the front of the queue and in the order of the batch.
-- ?1 [[seq, epoch, queue, id, recoveries to add], ..]   ?2 now   ?3 how many there are
UPDATE aftercommit_tasks AS t
   SET state = 2, at = ?2, pos = l.front - ?3 + l.nth, recovered = t.recovered + l.recovered
  FROM (SELECT key AS nth,
               json_extract(value, '$[0]') AS seq, json_extract(value, '$[1]') AS epoch,
               json_extract(value, '$[2]') AS queue, json_extract(value, '$[3]') AS id,
               json_extract(value, '$[4]') AS recovered,
               ifnull((SELECT pos FROM aftercommit_tasks AS p
                        WHERE p.queue = json_extract(value, '$[2]') AND p.state = 2
                        ORDER BY pos LIMIT 1), 0) AS front
          FROM json_each(?1)) AS l
 WHERE t.seq = l.seq AND t.epoch & 65535 = l.epoch AND t.queue = l.queue AND t.id = l.id AND t.state = 3
