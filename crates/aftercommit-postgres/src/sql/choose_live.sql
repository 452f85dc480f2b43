-- No transition: which tasks that are not over are in a list; its end follows, and chosen.sql.
SELECT t.seq FROM aftercommit.tasks AS t
