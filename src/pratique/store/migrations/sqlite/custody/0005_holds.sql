-- Suspensions of parties as doors enforce them. `entries` is what the ledger will say of one; `entry`
-- is NULL until it does.
CREATE TABLE holds (
  id TEXT NOT NULL PRIMARY KEY,
  predicate TEXT NOT NULL,
  reason TEXT NOT NULL,
  incident TEXT NOT NULL,
  since INTEGER NOT NULL,
  entries TEXT NOT NULL,
  entry INTEGER,
  lifted_entry INTEGER,
  changed_epoch INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX holds_standing ON holds (since, id) WHERE lifted_entry IS NULL;

CREATE INDEX holds_by_epoch ON holds (changed_epoch);
