-- Times are microseconds since 1970, UTC. Money is whole micro-USD and the
-- pico-USD below one micro, 0 to 999999, so that sums of both are exact.

CREATE TABLE records (
  id          INTEGER PRIMARY KEY,
  call        BLOB    NOT NULL, -- 16 bytes
  attempt     INTEGER NOT NULL,
  request_id  TEXT    NOT NULL,
  trace_id    TEXT    NOT NULL,
  response_id TEXT    NOT NULL,
  owner       TEXT    NOT NULL, -- JSON object, attribute to value, in order
  owner_rules TEXT    NOT NULL, -- JSON array, the rule that gave each value of owner
  dialect     TEXT    NOT NULL,
  operation   TEXT    NOT NULL,
  provider    TEXT    NOT NULL,
  developer   TEXT    NOT NULL,
  host        TEXT    NOT NULL,
  key_hash    TEXT    NOT NULL,
  model_asked TEXT    NOT NULL,
  model       TEXT    NOT NULL,
  tier_asked  TEXT    NOT NULL,
  tier        TEXT    NOT NULL,
  stream      INTEGER NOT NULL, -- 0 or 1
  status      INTEGER NOT NULL,
  finish      TEXT    NOT NULL,
  outcome     TEXT    NOT NULL,
  reason      TEXT    NOT NULL,
  purpose     TEXT    NOT NULL,
  tries       INTEGER NOT NULL,
  source      TEXT    NOT NULL,
  priced      INTEGER NOT NULL, -- 0 or 1
  unpriced    INTEGER NOT NULL, -- 1: one of the lines is
  system_bytes  INTEGER NOT NULL,
  history_bytes INTEGER NOT NULL,
  last_bytes    INTEGER NOT NULL,
  tools_bytes   INTEGER NOT NULL,
  media_bytes   INTEGER NOT NULL,
  admitted    INTEGER NOT NULL,
  first_token INTEGER,          -- NULL: no token came
  completed   INTEGER NOT NULL,
  UNIQUE (call, attempt)
) STRICT;

CREATE INDEX records_completed   ON records (completed);
CREATE INDEX records_request_id  ON records (request_id)  WHERE request_id  <> '';
CREATE INDEX records_trace_id    ON records (trace_id)    WHERE trace_id    <> '';
CREATE INDEX records_response_id ON records (response_id) WHERE response_id <> '';

CREATE TABLE lines (
  record          INTEGER NOT NULL REFERENCES records (id) ON DELETE CASCADE,
  n               INTEGER NOT NULL, -- 0, 1, … in the order of the record
  model           TEXT    NOT NULL,
  meter           TEXT    NOT NULL,
  quantity        INTEGER NOT NULL,
  source          TEXT    NOT NULL,
  state           TEXT    NOT NULL, -- priced, unpriced or free
  rate_id         TEXT    NOT NULL,
  rate            INTEGER NOT NULL, -- micro-USD per million units
  list_micro      INTEGER NOT NULL,
  list_pico       INTEGER NOT NULL,
  contracted_micro INTEGER NOT NULL,
  contracted_pico INTEGER NOT NULL,
  charged_micro   INTEGER NOT NULL,
  charged_pico    INTEGER NOT NULL,
  PRIMARY KEY (record, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE openings (
  call     BLOB    PRIMARY KEY, -- 16 bytes
  admitted INTEGER NOT NULL,
  ticket   TEXT    NOT NULL     -- JSON
) STRICT, WITHOUT ROWID;
