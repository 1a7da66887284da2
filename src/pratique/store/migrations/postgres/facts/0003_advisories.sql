-- Revisions of advisories that were recorded, and what each mentions; records stay in the ledger.

CREATE TABLE advisory_revisions (
  seq bigint NOT NULL PRIMARY KEY,
  id text NOT NULL,
  at bigint NOT NULL,
  revision text NOT NULL,
  overlay text NOT NULL,
  source text NOT NULL,
  modified text NOT NULL,
  withdrawn smallint NOT NULL CHECK (withdrawn IN (0, 1)),
  summary text NOT NULL
);

CREATE INDEX advisory_revisions_by_id ON advisory_revisions (id, seq);

CREATE TABLE advisory_mentions (
  what text NOT NULL,
  seq bigint NOT NULL,
  id text NOT NULL,
  PRIMARY KEY (what, seq)
);
