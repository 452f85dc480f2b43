-- Makes claims void whose fate is not known: one that is under way is waited for, and one that would still come is refused.
-- $1 keys   $2 now   $3 for how long they stay void, in milliseconds
INSERT INTO aftercommit.claims (key, worker, look_at, seqs, queues)
SELECT keys.key, 0, aftercommit.moment($2) + $3, '{}', '{}' FROM unnest($1::bigint[]) AS keys (key) ORDER BY keys.key
    ON CONFLICT (key) DO NOTHING
