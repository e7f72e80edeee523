-- Costs that no call tells. A column is what is searched or summed, the whole is in
-- charge.
CREATE TABLE charges (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  id       TEXT    NOT NULL UNIQUE,
  reverses TEXT    UNIQUE, -- the id of another; null: none
  at       INTEGER NOT NULL,
  nano     INTEGER NOT NULL, -- USD
  charge   TEXT    NOT NULL -- JSON
) STRICT;

CREATE INDEX charges_at ON charges (at);
