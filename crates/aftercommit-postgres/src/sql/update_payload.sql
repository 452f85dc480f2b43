-- scheduled -> scheduled, with another payload. The unique lock stays as it is.
-- $1 the seq   $2 the payload
UPDATE aftercommit.tasks SET payload = $2 WHERE seq = $1
