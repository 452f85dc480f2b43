-- ?1 queue   ?2 id
(SELECT seq FROM aftercommit_outbox WHERE queue = ?1 AND id = ?2)
