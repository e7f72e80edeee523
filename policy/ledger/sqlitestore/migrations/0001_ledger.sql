-- Times are microseconds since 1970, UTC. Money is whole micro-USD and the
-- pico-USD below one micro, 0 to 999999, so that sums of both are exact.

-- One row a settled attempt, in the order of the commits. A column is what is
-- searched, grouped or summed; the rest of a record is in detail and lines.
CREATE TABLE records (
  id          INTEGER PRIMARY KEY,
  call        BLOB    NOT NULL, -- 16 bytes
  attempt     INTEGER NOT NULL,
  completed   INTEGER NOT NULL,
  request_id  TEXT    NOT NULL,
  trace_id    TEXT    NOT NULL,
  response_id TEXT    NOT NULL,
  owner       TEXT    NOT NULL, -- JSON object, attribute to value, in order
  dialect     TEXT    NOT NULL,
  operation   TEXT    NOT NULL,
  provider    TEXT    NOT NULL,
  model       TEXT    NOT NULL,
  outcome     TEXT    NOT NULL,
  source      TEXT    NOT NULL,
  purpose     TEXT    NOT NULL,
  unpriced    INTEGER NOT NULL, -- 1: one of the lines is
  list_micro       INTEGER NOT NULL, -- money: the sum of the lines
  list_pico        INTEGER NOT NULL,
  contracted_micro INTEGER NOT NULL,
  contracted_pico  INTEGER NOT NULL,
  charged_micro    INTEGER NOT NULL,
  charged_pico     INTEGER NOT NULL,
  quantities  TEXT    NOT NULL, -- JSON object, meter to the sum of the lines
  detail      TEXT    NOT NULL, -- JSON object of the rest
  lines       TEXT    NOT NULL, -- JSON array of arrays: model (null: that of the record), meter, quantity, source, state, rate id, rate (micro-USD per million units), list micro and pico, contracted micro and pico, charged micro and pico, contract id, charge id, currency, exchange rate, charge currency, charge exchange rate
  UNIQUE (call, attempt)
) STRICT;

CREATE INDEX records_completed ON records (completed);

-- Where a request, trace or response id is. Ids are random, so that each touches
-- a page of its own: they are added sorted, many thousand together. Records after
-- indexed.upto are not in it yet, or only in part.
CREATE TABLE ids (
  hash   INTEGER NOT NULL, -- 47 bits of FNV-1a
  record INTEGER NOT NULL,
  PRIMARY KEY (hash, record)
) STRICT, WITHOUT ROWID;

CREATE TABLE indexed (upto INTEGER NOT NULL) STRICT;

INSERT INTO indexed (upto) VALUES (0);
