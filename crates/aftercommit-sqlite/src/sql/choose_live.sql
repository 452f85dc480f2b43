-- No transition: which tasks that are not over are in a list; its end follows.
SELECT t.seq FROM aftercommit_tasks AS t
