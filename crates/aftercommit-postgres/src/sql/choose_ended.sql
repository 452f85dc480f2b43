-- No transition: which tasks that are over are in a list; its end follows, and chosen.sql.
SELECT t.seq FROM aftercommit.ended AS t
