-- buried -> waiting, as if it were new.
UPDATE aftercommit_outbox SET free_at = 0, epoch = epoch + 1, attempts = 0, losses = 0
 WHERE free_at IS NULL AND look_at IS NULL AND seq IN
