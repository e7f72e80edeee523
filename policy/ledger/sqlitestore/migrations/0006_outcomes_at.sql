-- Verdicts are listed by when they were said.
CREATE INDEX outcomes_at ON outcomes (at);
