-- What leases, scopes and reads of custody say: who could read which dataset when, and where in the
-- ledger it stands what was disclosed. The facts themselves are rows of `edges`.

CREATE TABLE custody_owners (
  dataset TEXT NOT NULL PRIMARY KEY,
  client TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE custody_leases (
  lease TEXT NOT NULL PRIMARY KEY,
  entry INTEGER NOT NULL,
  client TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  opens TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE custody_hangs (
  scope TEXT NOT NULL,
  lease TEXT NOT NULL,
  dataset TEXT NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (scope, lease, dataset)
) STRICT, WITHOUT ROWID;

CREATE INDEX custody_hangs_by_lease ON custody_hangs (lease);

CREATE TABLE custody_stops (
  scope TEXT NOT NULL PRIMARY KEY,
  ended INTEGER NOT NULL CHECK (ended IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE custody_objects (
  object TEXT NOT NULL PRIMARY KEY,
  seq INTEGER NOT NULL,
  dataset TEXT NOT NULL,
  size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE custody_entries (
  seq INTEGER NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  client TEXT NOT NULL,
  lease TEXT NOT NULL,
  dataset TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

CREATE INDEX custody_entries_by_client ON custody_entries (client, kind, seq);
CREATE INDEX custody_entries_by_lease ON custody_entries (lease, seq) WHERE lease <> '';
