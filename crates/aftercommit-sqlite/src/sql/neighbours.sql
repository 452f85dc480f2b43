-- No transition: the processes of workers that can be looked for from here.
-- ?1 the place
SELECT key, pid, started FROM aftercommit_workers WHERE place = ?1
