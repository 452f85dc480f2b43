-- aggregating -> aggregating, outside of a batch again, when the deadline has passed, the longest overdue first. A batch
-- that its aggregator ends at this moment is passed over. Answers how many there were.
-- $1 queues   $2 now   $3 how many at most
-- Why rows are found so stands in finish.sql.
WITH overdue AS (
    SELECT key FROM aftercommit.batches
     WHERE queue = ANY ($1) AND deadline <= (SELECT aftercommit.moment($2))
     ORDER BY deadline, key LIMIT $3
       FOR UPDATE SKIP LOCKED
),
ended AS (
    DELETE FROM aftercommit.batches AS b USING overdue WHERE b.key = overdue.key RETURNING b.key, b.queue, b.group_name
),
-- The order makes it a look into the index for each batch, even if this is planned while the tables are empty.
held AS MATERIALIZED (
    SELECT held.seq
      FROM ended CROSS JOIN LATERAL (
           SELECT t.seq FROM aftercommit.tasks AS t
            WHERE t.queue = ended.queue AND t.state = 1 AND t.group_name = ended.group_name AND t.batch = ended.key
            ORDER BY t.at, t.pos OFFSET 0) AS held
),
released AS (
    UPDATE aftercommit.tasks AS t SET batch = NULL FROM held WHERE t.seq = ANY (ARRAY[held.seq])
)
SELECT count(*) FROM ended
