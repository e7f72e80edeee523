-- Work that goes on at a provider after its call was answered. The row of what
-- is settled goes when another is written.
CREATE TABLE deferrals (
  call     BLOB    NOT NULL PRIMARY KEY, -- 16 bytes
  attempt  INTEGER NOT NULL,             -- of the record that will settle it
  deferral TEXT    NOT NULL              -- JSON
) STRICT, WITHOUT ROWID;
