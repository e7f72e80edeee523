-- Where a change was told that another ledger has, too. Those from before were told here.
ALTER TABLE audit ADD COLUMN via TEXT NOT NULL DEFAULT ''; -- '': here
