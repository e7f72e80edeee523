-- What multiplies the cost of a call: bytes and cost of what was sent, by share,
-- and inputs that were embedded again. Records from before tell none.
ALTER TABLE records ADD COLUMN multipliers TEXT NOT NULL DEFAULT '{}'; -- JSON object, as multiplierNames
