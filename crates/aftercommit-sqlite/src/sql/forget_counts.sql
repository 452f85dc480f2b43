-- Deletes the days that fold_counts.sql has added up.
-- ?1 the first day to keep   ?2 the day that stands for all earlier ones
DELETE FROM aftercommit_counts WHERE day > ?2 AND day < ?1
