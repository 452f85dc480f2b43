-- any state -> (nothing), by an operator's hand.
DELETE FROM aftercommit_outbox WHERE seq IN
