-- A worker says that it is gone. Its key is not used again, so what it still holds is nobody's.
-- $1 its id
DELETE FROM aftercommit.workers WHERE id = $1
