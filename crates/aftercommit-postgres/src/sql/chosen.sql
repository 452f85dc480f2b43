-- Locks the chosen tasks until the transaction ends. One that somebody else has at this moment is waited for, and is no
-- longer chosen if it left the list meanwhile: the next one is then, so that fewer than asked for means the end.
   FOR UPDATE
