-- No transition: when the first group is ripe, but not before now, and whether it is.
SELECT greatest(ripe_at, present.now), ripe_at <= present.now
  FROM ripening, (SELECT aftercommit.moment($6) AS now) AS present
 ORDER BY ripe_at LIMIT 1
