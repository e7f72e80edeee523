-- From here on attempt is the number of an attempt and, times 4294967296, the
-- revision of its record: 0 is the first, what follows are corrections, whose
-- money is the difference. unpriced is what a record adds to the number of
-- unpriced calls, -1 where a correction takes one back. No table changes; the
-- number of this schema keeps out a Farebox that would count corrections as calls.
SELECT 1;
