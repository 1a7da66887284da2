-- What leases, scopes and reads of custody say: who could read which dataset when, and where in the
-- ledger it stands what was disclosed. The facts themselves are rows of `edges`.

CREATE TABLE custody_owners (
  dataset TEXT NOT NULL PRIMARY KEY,
  client TEXT NOT NULL
);

CREATE TABLE custody_leases (
  lease TEXT NOT NULL PRIMARY KEY,
  entry BIGINT NOT NULL,
  client TEXT NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT NOT NULL,
  opens TEXT NOT NULL
);

CREATE TABLE custody_hangs (
  scope TEXT NOT NULL,
  lease TEXT NOT NULL,
  dataset TEXT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (scope, lease, dataset)
);

CREATE INDEX custody_hangs_by_lease ON custody_hangs (lease);

CREATE TABLE custody_stops (
  scope TEXT NOT NULL PRIMARY KEY,
  ended SMALLINT NOT NULL CHECK (ended IN (0, 1))
);

CREATE TABLE custody_objects (
  object TEXT NOT NULL PRIMARY KEY,
  seq BIGINT NOT NULL,
  dataset TEXT NOT NULL,
  size BIGINT NOT NULL
);

CREATE TABLE custody_entries (
  seq BIGINT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  client TEXT NOT NULL,
  lease TEXT NOT NULL,
  dataset TEXT NOT NULL,
  at BIGINT NOT NULL
);

CREATE INDEX custody_entries_by_client ON custody_entries (client, kind, seq);
CREATE INDEX custody_entries_by_lease ON custody_entries (lease, seq) WHERE lease <> '';
