-- any state -> (nothing), by an operator's hand.
DELETE FROM aftercommit.outbox WHERE seq = ANY
