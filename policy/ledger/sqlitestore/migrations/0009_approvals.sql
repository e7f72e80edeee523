-- Leave of teams to ask models. A column is what is searched, the whole is in approval.
CREATE TABLE approvals (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  team     TEXT    NOT NULL,
  state    TEXT    NOT NULL,
  approval TEXT    NOT NULL -- JSON
) STRICT;

CREATE INDEX approvals_team ON approvals (team);
CREATE INDEX approvals_state ON approvals (state);
