-- The end of a dequeue: the claim, if anything was taken. Fails for a worker without a row.
, claimed AS (
    INSERT INTO aftercommit.claims (key, worker, look_at, seqs, queues)
    SELECT $4, (SELECT key FROM aftercommit.workers WHERE id = $1), (SELECT now FROM present) + least($3, $5), array_agg(seq),
           ARRAY(SELECT DISTINCT queue FROM taken)
      FROM taken HAVING count(*) > 0
)
SELECT * FROM taken
