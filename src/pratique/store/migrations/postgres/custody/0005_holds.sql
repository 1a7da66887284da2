-- Suspensions of parties as doors enforce them. `entries` is what the ledger will say of one; `entry`
-- is NULL until it does.
CREATE TABLE holds (
  id text NOT NULL PRIMARY KEY,
  predicate text NOT NULL,
  reason text NOT NULL,
  incident text NOT NULL,
  since bigint NOT NULL,
  entries text NOT NULL,
  entry bigint,
  lifted_entry bigint,
  changed_epoch bigint NOT NULL
);

CREATE INDEX holds_standing ON holds (since, id) WHERE lifted_entry IS NULL;

CREATE INDEX holds_by_epoch ON holds (changed_epoch);
