-- Revisions of advisories that were recorded, and what each mentions; records stay in the ledger.

CREATE TABLE advisory_revisions (
  seq INTEGER NOT NULL PRIMARY KEY,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  revision TEXT NOT NULL,
  overlay TEXT NOT NULL,
  source TEXT NOT NULL,
  modified TEXT NOT NULL,
  withdrawn INTEGER NOT NULL CHECK (withdrawn IN (0, 1)),
  summary TEXT NOT NULL
) STRICT;

CREATE INDEX advisory_revisions_by_id ON advisory_revisions (id, seq);

CREATE TABLE advisory_mentions (
  what TEXT NOT NULL,
  seq INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (what, seq)
) STRICT, WITHOUT ROWID;
