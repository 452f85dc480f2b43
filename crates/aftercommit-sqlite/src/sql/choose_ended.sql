-- No transition: which tasks that are over are in a list; its end follows.
SELECT t.seq FROM aftercommit_ended AS t
