-- More of accounts of budgets, for a time. A column is what is searched, the whole is
-- in topup.
CREATE TABLE topups (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  until  INTEGER NOT NULL, -- the largest number: it does not end
  topup  TEXT    NOT NULL  -- JSON
) STRICT;

CREATE INDEX topups_until ON topups (until);
