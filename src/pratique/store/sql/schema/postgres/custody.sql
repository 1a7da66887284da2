-- Custody: training data, leases and what they may still disclose. Losing it closes the S3 door.

CREATE TABLE datasets (
  name text NOT NULL PRIMARY KEY,
  client text NOT NULL,
  classification text NOT NULL,
  purposes text NOT NULL,
  residency text NOT NULL,
  sealed smallint NOT NULL CHECK (sealed IN (0, 1)),
  seal_key bytea NOT NULL,
  created_at bigint NOT NULL,
  shredded_at bigint,
  version bigint NOT NULL DEFAULT 0,
  revision bigint NOT NULL DEFAULT 0
);

-- An object belongs to versions [from_version, until_version); it stands while the end is NULL.
CREATE TABLE objects (
  id text NOT NULL PRIMARY KEY CHECK (length(id) = 32),
  dataset text NOT NULL,
  key bytea NOT NULL,
  size bigint NOT NULL CHECK (size >= 0),
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  media_type text NOT NULL,
  metadata text NOT NULL,
  wrapped_key bytea NOT NULL,
  created_at bigint NOT NULL,
  by_lease text NOT NULL,
  from_version bigint NOT NULL,
  until_version bigint,
  ended_at bigint
);

CREATE UNIQUE INDEX objects_standing ON objects (dataset, key) WHERE until_version IS NULL;

CREATE INDEX objects_by_key ON objects (dataset, key, from_version);

CREATE TABLE dataset_versions (
  dataset text NOT NULL,
  number bigint NOT NULL,
  root text NOT NULL,
  objects bigint NOT NULL,
  bytes bigint NOT NULL,
  sealed_at bigint NOT NULL,
  PRIMARY KEY (dataset, number)
);

CREATE TABLE uploads (
  id text NOT NULL PRIMARY KEY,
  dataset text NOT NULL,
  key bytea NOT NULL,
  lease text NOT NULL,
  object text NOT NULL,
  media_type text NOT NULL,
  metadata text NOT NULL,
  wrapped_key bytea NOT NULL,
  begun_at bigint NOT NULL
);

CREATE INDEX uploads_by_dataset ON uploads (dataset, begun_at, id);

CREATE TABLE leases (
  id text NOT NULL PRIMARY KEY,
  holder text NOT NULL,
  vendor text NOT NULL,
  project text NOT NULL,
  client text NOT NULL,
  purpose text NOT NULL,
  selectors text NOT NULL,
  verbs text NOT NULL,
  copy text NOT NULL CHECK (copy IN ('marked', 'canonical')),
  rate bigint NOT NULL CHECK (rate >= 0),
  networks text NOT NULL,
  granted_at bigint NOT NULL,
  not_before bigint NOT NULL,
  not_after bigint NOT NULL,
  granted_by text NOT NULL,
  certificate bytea NOT NULL
);

-- The budget of a lease is the cap of its own scope. A cap below what is reserved ends reserving.
CREATE TABLE scopes (
  id text NOT NULL PRIMARY KEY,
  level smallint NOT NULL,
  state text NOT NULL CHECK (state IN ('live', 'suspended', 'ended')),
  reason text NOT NULL,
  incident text NOT NULL,
  cap_bytes bigint,
  cap_objects bigint,
  reserved_bytes bigint NOT NULL CHECK (reserved_bytes >= 0),
  reserved_objects bigint NOT NULL CHECK (reserved_objects >= 0),
  changed_epoch bigint NOT NULL,
  bucket_bytes bigint,
  bucket_at bigint NOT NULL,
  state_entry bigint NOT NULL,
  caps_entry bigint NOT NULL,
  unlogged smallint NOT NULL
);

CREATE INDEX scopes_by_epoch ON scopes (changed_epoch);

CREATE INDEX scopes_unlogged ON scopes (id) WHERE unlogged = 1;

CREATE TABLE custody_epoch (
  only_row smallint NOT NULL PRIMARY KEY CHECK (only_row = 1),
  value bigint NOT NULL
);

INSERT INTO custody_epoch (only_row, value) VALUES (1, 1);

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

-- Budget in the hands of a process. A row that stays is forfeited.
CREATE TABLE slabs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  lease text NOT NULL,
  scopes text NOT NULL,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  objects bigint NOT NULL CHECK (objects >= 0),
  hour bigint NOT NULL
);

-- What was handed out under a scope in an hour, for the rule of velocity.
CREATE TABLE scope_hours (
  scope text NOT NULL,
  hour bigint NOT NULL,
  bytes bigint NOT NULL,
  PRIMARY KEY (scope, hour)
);

CREATE TABLE coverage (
  lease text NOT NULL,
  object text NOT NULL,
  bitmap bytea NOT NULL,
  PRIMARY KEY (lease, object)
);

CREATE TABLE budget_requests (
  id text NOT NULL PRIMARY KEY,
  lease text NOT NULL,
  budget_bytes bigint NOT NULL,
  budget_objects bigint NOT NULL,
  reason text NOT NULL,
  asked_by text NOT NULL,
  asked_at bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('asked', 'approved', 'declined')),
  decided_by text NOT NULL,
  decided_at bigint,
  asked_token text NOT NULL DEFAULT ''
);

CREATE TABLE mark_runs (
  dataset text NOT NULL,
  number bigint NOT NULL,
  first_mark bigint NOT NULL,
  marks bigint NOT NULL CHECK (marks >= 0),
  index_object text NOT NULL,
  index_size bigint NOT NULL,
  index_sha256 text NOT NULL CHECK (length(index_sha256) = 64),
  wrapped_key bytea NOT NULL,
  key_commitment text NOT NULL,
  entry bigint NOT NULL,
  marked_at bigint NOT NULL,
  PRIMARY KEY (dataset, number)
);

CREATE TABLE object_marks (
  object text NOT NULL PRIMARY KEY,
  dataset text NOT NULL,
  layout_size bigint NOT NULL CHECK (layout_size > 0),
  marks bigint NOT NULL
);

CREATE TABLE lease_codewords (
  lease text NOT NULL,
  dataset text NOT NULL,
  marks bigint NOT NULL,
  commitment text NOT NULL CHECK (length(commitment) = 64),
  entry bigint NOT NULL,
  PRIMARY KEY (lease, dataset, marks)
);

CREATE TABLE upload_parts (
  upload text NOT NULL,
  number integer NOT NULL CHECK (number > 0),
  stage text NOT NULL CHECK (length(stage) = 32),
  size bigint NOT NULL CHECK (size >= 0),
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  checksum text NOT NULL,
  sent_at bigint NOT NULL,
  PRIMARY KEY (upload, number)
);

CREATE TABLE upload_claims (
  upload text NOT NULL PRIMARY KEY,
  claim text NOT NULL,
  until bigint NOT NULL
);

-- What a completed upload became, so that a completion that is asked for again has the same answer.
CREATE TABLE upload_ends (
  upload text NOT NULL PRIMARY KEY,
  object text NOT NULL,
  ended_at bigint NOT NULL
);

-- Terms that people and jobs who log in elsewhere get leases under.
CREATE TABLE roles (
  name text NOT NULL PRIMARY KEY,
  certificate bytea NOT NULL,
  issuer text NOT NULL,
  conditions text NOT NULL,
  lease_seconds bigint NOT NULL CHECK (lease_seconds > 0),
  holder_bytes bigint NOT NULL CHECK (holder_bytes >= 0),
  holder_objects bigint NOT NULL CHECK (holder_objects >= 0),
  added_by text NOT NULL,
  added_at bigint NOT NULL
);

-- Whom a pseudonym means. Deleting a row forgets the person; the ledger has the pseudonym only.
CREATE TABLE pseudonyms (
  issuer text NOT NULL,
  subject text NOT NULL,
  holder text NOT NULL UNIQUE,
  seen_at bigint NOT NULL,
  PRIMARY KEY (issuer, subject)
);

-- Below this generation nothing new is stored: its key is about to be destroyed, or was.
CREATE TABLE key_floors (
  dataset text NOT NULL PRIMARY KEY,
  generation bigint NOT NULL CHECK (generation > 0)
);

-- What was ever stored under a lease or a holder; reserved before it arrives, given back when nothing was.
CREATE TABLE scope_writes (
  scope text NOT NULL PRIMARY KEY,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  objects bigint NOT NULL CHECK (objects >= 0)
);
