-- What each call is a part of, and whether it did its job. Records from before
-- are of none. part is the hash by which ids finds the calls of an interaction.
ALTER TABLE records ADD COLUMN interaction TEXT    NOT NULL DEFAULT ''; -- '': of none
ALTER TABLE records ADD COLUMN part        INTEGER NOT NULL DEFAULT 0;  -- as ids.hash; 0: of none
ALTER TABLE records ADD COLUMN success     INTEGER NOT NULL DEFAULT 0;  -- 0 or 1
