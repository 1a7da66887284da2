-- Custody: training data, leases and what they may still disclose. Losing it closes the S3 door.

CREATE TABLE datasets (
  name TEXT NOT NULL PRIMARY KEY,
  client TEXT NOT NULL,
  classification TEXT NOT NULL,
  purposes TEXT NOT NULL,
  residency TEXT NOT NULL,
  sealed INTEGER NOT NULL CHECK (sealed IN (0, 1)),
  seal_key BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  shredded_at INTEGER,
  version INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- An object belongs to versions [from_version, until_version); it stands while the end is NULL.
CREATE TABLE objects (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32),
  dataset TEXT NOT NULL,
  key BLOB NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  media_type TEXT NOT NULL,
  metadata TEXT NOT NULL,
  wrapped_key BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  by_lease TEXT NOT NULL,
  from_version INTEGER NOT NULL,
  until_version INTEGER,
  ended_at INTEGER
) STRICT;

CREATE UNIQUE INDEX objects_standing ON objects (dataset, key) WHERE until_version IS NULL;

CREATE INDEX objects_by_key ON objects (dataset, key, from_version);

CREATE TABLE dataset_versions (
  dataset TEXT NOT NULL,
  number INTEGER NOT NULL,
  root TEXT NOT NULL,
  objects INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sealed_at INTEGER NOT NULL,
  PRIMARY KEY (dataset, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE uploads (
  id TEXT NOT NULL PRIMARY KEY,
  dataset TEXT NOT NULL,
  key BLOB NOT NULL,
  lease TEXT NOT NULL,
  object TEXT NOT NULL,
  media_type TEXT NOT NULL,
  metadata TEXT NOT NULL,
  wrapped_key BLOB NOT NULL,
  begun_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX uploads_by_dataset ON uploads (dataset, begun_at, id);

CREATE TABLE leases (
  id TEXT NOT NULL PRIMARY KEY,
  holder TEXT NOT NULL,
  vendor TEXT NOT NULL,
  project TEXT NOT NULL,
  client TEXT NOT NULL,
  purpose TEXT NOT NULL,
  selectors TEXT NOT NULL,
  verbs TEXT NOT NULL,
  copy TEXT NOT NULL CHECK (copy IN ('marked', 'canonical')),
  rate INTEGER NOT NULL CHECK (rate >= 0),
  networks TEXT NOT NULL,
  granted_at INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  granted_by TEXT NOT NULL,
  certificate BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The budget of a lease is the cap of its own scope. A cap below what is reserved ends reserving.
CREATE TABLE scopes (
  id TEXT NOT NULL PRIMARY KEY,
  level INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('live', 'suspended', 'ended')),
  reason TEXT NOT NULL,
  incident TEXT NOT NULL,
  cap_bytes INTEGER,
  cap_objects INTEGER,
  reserved_bytes INTEGER NOT NULL CHECK (reserved_bytes >= 0),
  reserved_objects INTEGER NOT NULL CHECK (reserved_objects >= 0),
  changed_epoch INTEGER NOT NULL,
  bucket_bytes INTEGER,
  bucket_at INTEGER NOT NULL,
  state_entry INTEGER NOT NULL,
  caps_entry INTEGER NOT NULL,
  unlogged INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX scopes_by_epoch ON scopes (changed_epoch);

CREATE INDEX scopes_unlogged ON scopes (id) WHERE unlogged = 1;

CREATE TABLE custody_epoch (
  only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  value INTEGER NOT NULL
) STRICT;

INSERT INTO custody_epoch (only_row, value) VALUES (1, 1);

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

-- Budget in the hands of a process. A row that stays is forfeited.
CREATE TABLE slabs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  lease TEXT NOT NULL,
  scopes TEXT NOT NULL,
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  objects INTEGER NOT NULL CHECK (objects >= 0),
  hour INTEGER NOT NULL
) STRICT;

-- What was handed out under a scope in an hour, for the rule of velocity.
CREATE TABLE scope_hours (
  scope TEXT NOT NULL,
  hour INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (scope, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE coverage (
  lease TEXT NOT NULL,
  object TEXT NOT NULL,
  bitmap BLOB NOT NULL,
  PRIMARY KEY (lease, object)
) STRICT;

CREATE TABLE budget_requests (
  id TEXT NOT NULL PRIMARY KEY,
  lease TEXT NOT NULL,
  budget_bytes INTEGER NOT NULL,
  budget_objects INTEGER NOT NULL,
  reason TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  asked_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('asked', 'approved', 'declined')),
  decided_by TEXT NOT NULL,
  decided_at INTEGER
  , asked_token TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;

CREATE TABLE mark_runs (
  dataset TEXT NOT NULL,
  number INTEGER NOT NULL,
  first_mark INTEGER NOT NULL,
  marks INTEGER NOT NULL CHECK (marks >= 0),
  index_object TEXT NOT NULL,
  index_size INTEGER NOT NULL,
  index_sha256 TEXT NOT NULL CHECK (length(index_sha256) = 64),
  wrapped_key BLOB NOT NULL,
  key_commitment TEXT NOT NULL,
  entry INTEGER NOT NULL,
  marked_at INTEGER NOT NULL,
  PRIMARY KEY (dataset, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE object_marks (
  object TEXT NOT NULL PRIMARY KEY,
  dataset TEXT NOT NULL,
  layout_size INTEGER NOT NULL CHECK (layout_size > 0),
  marks INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lease_codewords (
  lease TEXT NOT NULL,
  dataset TEXT NOT NULL,
  marks INTEGER NOT NULL,
  commitment TEXT NOT NULL CHECK (length(commitment) = 64),
  entry INTEGER NOT NULL,
  PRIMARY KEY (lease, dataset, marks)
) STRICT, WITHOUT ROWID;

CREATE TABLE upload_parts (
  upload TEXT NOT NULL,
  number INTEGER NOT NULL CHECK (number > 0),
  stage TEXT NOT NULL CHECK (length(stage) = 32),
  size INTEGER NOT NULL CHECK (size >= 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  checksum TEXT NOT NULL,
  sent_at INTEGER NOT NULL,
  PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE upload_claims (
  upload TEXT NOT NULL PRIMARY KEY,
  claim TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a completed upload became, so that a completion that is asked for again has the same answer.
CREATE TABLE upload_ends (
  upload TEXT NOT NULL PRIMARY KEY,
  object TEXT NOT NULL,
  ended_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Terms that people and jobs who log in elsewhere get leases under.
CREATE TABLE roles (
  name TEXT NOT NULL PRIMARY KEY,
  certificate BLOB NOT NULL,
  issuer TEXT NOT NULL,
  conditions TEXT NOT NULL,
  lease_seconds INTEGER NOT NULL CHECK (lease_seconds > 0),
  holder_bytes INTEGER NOT NULL CHECK (holder_bytes >= 0),
  holder_objects INTEGER NOT NULL CHECK (holder_objects >= 0),
  added_by TEXT NOT NULL,
  added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whom a pseudonym means. Deleting a row forgets the person; the ledger has the pseudonym only.
CREATE TABLE pseudonyms (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  holder TEXT NOT NULL UNIQUE,
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

-- Below this generation nothing new is stored: its key is about to be destroyed, or was.
CREATE TABLE key_floors (
  dataset TEXT NOT NULL PRIMARY KEY,
  generation INTEGER NOT NULL CHECK (generation > 0)
) STRICT, WITHOUT ROWID;

-- What was ever stored under a lease or a holder; reserved before it arrives, given back when nothing was.
CREATE TABLE scope_writes (
  scope TEXT NOT NULL PRIMARY KEY,
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  objects INTEGER NOT NULL CHECK (objects >= 0)
) STRICT, WITHOUT ROWID;
