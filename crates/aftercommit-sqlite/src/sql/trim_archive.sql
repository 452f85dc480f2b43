-- archived -> (nothing), for the tasks that beyond.sql has chosen; their unique locks go with them.
DELETE FROM aftercommit_ended WHERE seq IN (SELECT seq FROM beyond)
