-- Takes back 2: accounts belong to no user again. The users are lost, the accounts stay.
ALTER TABLE accounts
    DROP CONSTRAINT owner_currency_key,
    DROP CONSTRAINT accounts_owner_fkey;
DROP TABLE users;
