-- Makes gatherers of the same queues take turns, until the transaction ends. Otherwise the one who comes second would
-- gather, from a group that was ripe, what the first one left and is not.
-- $1 queues
-- The first number says whose lock it is; two queues with the same second one take turns without need.
SELECT pg_advisory_xact_lock(1634759271, queue)
  FROM (SELECT DISTINCT hashtext(name) AS queue FROM unnest($1::text[]) AS given (name) ORDER BY queue) AS ordered
