-- What someone should know, and who wants to hear nothing of it. A column is what is
-- searched, the whole is in alert.
CREATE TABLE alerts (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  at       INTEGER NOT NULL,
  key      TEXT    NOT NULL, -- '': it was re-armed
  family   TEXT    NOT NULL,
  kind     TEXT    NOT NULL,
  severity TEXT    NOT NULL,
  rule     TEXT    NOT NULL,
  of       TEXT    NOT NULL,
  team     TEXT    NOT NULL,
  state    TEXT    NOT NULL,
  review   INTEGER NOT NULL, -- 1: someone has still to acknowledge it
  open     INTEGER NOT NULL, -- 1: someone is still to be told
  alert    TEXT    NOT NULL  -- JSON
) STRICT;

CREATE UNIQUE INDEX alerts_key ON alerts (key) WHERE key <> '';
CREATE INDEX alerts_family ON alerts (family) WHERE family <> '' AND key <> '';
CREATE INDEX alerts_open ON alerts (number) WHERE open = 1;
CREATE INDEX alerts_rule ON alerts (rule) WHERE key <> '';

CREATE TABLE mutes (
  rule   TEXT    NOT NULL,
  of     TEXT    NOT NULL, -- '': any
  team   TEXT    NOT NULL, -- '': any
  at     INTEGER NOT NULL,
  until  INTEGER NOT NULL,
  actor  TEXT    NOT NULL,
  reason TEXT    NOT NULL,
  PRIMARY KEY (rule, of, team)
) STRICT, WITHOUT ROWID;
