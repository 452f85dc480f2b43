-- The end of settle.sql where the handler's own transaction finishes the task: a receipt beside it. Answers as settle.sql.
, noted AS (
    -- For the settle that follows: see the table.
    INSERT INTO aftercommit.receipts (seq, epoch, finished_at)
    SELECT h.token >> 16, (h.token & 65535)::integer, p.now FROM held AS h, present AS p
)
SELECT token FROM held
