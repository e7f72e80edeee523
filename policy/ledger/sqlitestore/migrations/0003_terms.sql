-- What made of the list price what is paid and charged. Empty: nothing did, or
-- the currency is USD.
ALTER TABLE lines ADD COLUMN contract_id     TEXT NOT NULL DEFAULT '';
ALTER TABLE lines ADD COLUMN charge_id       TEXT NOT NULL DEFAULT '';
ALTER TABLE lines ADD COLUMN currency        TEXT NOT NULL DEFAULT ''; -- of the contract's rates
ALTER TABLE lines ADD COLUMN fx_rate         TEXT NOT NULL DEFAULT ''; -- USD for one unit of it, decimal text
ALTER TABLE lines ADD COLUMN charge_currency TEXT NOT NULL DEFAULT ''; -- the same of the rate card
ALTER TABLE lines ADD COLUMN charge_fx_rate  TEXT NOT NULL DEFAULT '';
