-- $1 queue   $2 id
(ARRAY(SELECT seq FROM aftercommit.outbox WHERE queue = $1 AND id = $2))
