-- set aside -> waiting, as if it were new.
UPDATE aftercommit.outbox SET state = 0, held_until = 0, epoch = epoch + 1, attempts = 0, losses = 0
 WHERE state + 0 = 3 AND seq = ANY
