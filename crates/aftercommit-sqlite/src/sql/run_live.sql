-- scheduled | retry | aggregating -> pending, by an operator; advance.sql takes the numbers.
-- ?1 [seq, ..], in the order in which they will run   ?2 now
UPDATE aftercommit_tasks AS t
   SET state = 2,
       at = ?2,
       pos = (SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'aftercommit_tasks') + 1 + chosen.key
  FROM json_each(?1) AS chosen
 WHERE t.seq = chosen.value
