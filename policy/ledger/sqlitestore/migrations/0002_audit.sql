-- What people say of calls, and who changed what. NULL in a change is nothing.

CREATE TABLE outcomes (
  call        BLOB    NOT NULL, -- 16 bytes, or none: the interaction
  team        TEXT    NOT NULL,
  interaction TEXT    NOT NULL,
  success     INTEGER NOT NULL, -- 0 or 1
  reason      TEXT    NOT NULL,
  at          INTEGER NOT NULL,
  actor       TEXT    NOT NULL,
  PRIMARY KEY (call, team, interaction)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  number  INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  actor   TEXT    NOT NULL,
  role    TEXT    NOT NULL,
  action  TEXT    NOT NULL,
  subject TEXT    NOT NULL,
  before  TEXT,             -- JSON
  after   TEXT,             -- JSON
  reason  TEXT    NOT NULL
) STRICT;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
