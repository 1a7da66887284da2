-- Projections of the ledger: every row follows from entries and may be dropped and made again.
-- Content (views and their lines) and occupancy (who was answered which view) are kept apart, so
-- that millions of page answers stay small. docs/explain/presence.md explains the tables.

CREATE TABLE projection (
  only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  applied INTEGER NOT NULL,
  origin TEXT NOT NULL
) STRICT;

CREATE TABLE pages (
  page INTEGER NOT NULL PRIMARY KEY,
  index_name TEXT NOT NULL,
  project TEXT NOT NULL,
  UNIQUE (project, index_name)
) STRICT;

CREATE TABLE views (
  recording INTEGER NOT NULL PRIMARY KEY,
  page INTEGER NOT NULL,
  view TEXT NOT NULL,
  base TEXT NOT NULL,
  at INTEGER NOT NULL,
  complete_at INTEGER,
  UNIQUE (page, view, base)
) STRICT;

CREATE TABLE view_lines (
  recording INTEGER NOT NULL,
  filename TEXT NOT NULL,
  page INTEGER NOT NULL,
  version TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('allow', 'hide', 'hold', 'deny', 'removed')),
  rule TEXT NOT NULL,
  until INTEGER,
  block TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (recording, filename)
) STRICT, WITHOUT ROWID;

CREATE INDEX view_lines_by_release ON view_lines (page, version);
CREATE INDEX view_lines_by_file ON view_lines (page, filename);
CREATE INDEX view_lines_by_sha256 ON view_lines (sha256) WHERE sha256 <> '';
CREATE INDEX view_lines_by_block ON view_lines (block, recording) WHERE block <> '';
CREATE INDEX view_lines_blocked ON view_lines (seq) WHERE block <> '';

CREATE TABLE page_sessions (
  page INTEGER NOT NULL,
  view TEXT NOT NULL,
  actor TEXT NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  answers INTEGER NOT NULL,
  stale_answers INTEGER NOT NULL,
  agents TEXT NOT NULL,
  PRIMARY KEY (page, view, actor, first_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
  seq INTEGER NOT NULL PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  page INTEGER NOT NULL,
  version TEXT NOT NULL,
  filename TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  door TEXT NOT NULL,
  outcome TEXT NOT NULL,
  rule TEXT NOT NULL,
  method TEXT NOT NULL,
  status INTEGER NOT NULL,
  byte_range TEXT NOT NULL,
  agent TEXT NOT NULL,
  waiver TEXT NOT NULL,
  delivery TEXT NOT NULL
) STRICT;

CREATE INDEX deliveries_by_release ON deliveries (page, version);
CREATE INDEX deliveries_by_sha256 ON deliveries (sha256);

CREATE TABLE delivery_ends (
  delivery TEXT NOT NULL PRIMARY KEY,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  bytes_sent INTEGER NOT NULL,
  complete INTEGER NOT NULL CHECK (complete IN (0, 1)),
  error TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE refusals (
  seq INTEGER NOT NULL PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  page INTEGER NOT NULL,
  version TEXT NOT NULL,
  filename TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  door TEXT NOT NULL,
  outcome TEXT NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  until INTEGER,
  block TEXT NOT NULL,
  method TEXT NOT NULL,
  agent TEXT NOT NULL
) STRICT;

CREATE INDEX refusals_by_release ON refusals (page, version);
CREATE INDEX refusals_by_sha256 ON refusals (sha256) WHERE sha256 <> '';
CREATE INDEX refusals_by_block ON refusals (block, seq) WHERE block <> '';

CREATE TABLE watches (
  collector TEXT NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  node TEXT NOT NULL,
  mode TEXT NOT NULL,
  period_seconds INTEGER NOT NULL,
  stopped INTEGER NOT NULL CHECK (stopped IN (0, 1)),
  PRIMARY KEY (collector, first_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE assets (
  actor TEXT NOT NULL PRIMARY KEY,
  first_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  seq INTEGER NOT NULL PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  actor TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE INDEX events_by_kind ON events (kind, seq);
CREATE INDEX events_of_intake ON events (subject) WHERE kind = 'intake';

CREATE TABLE unreadable_entries (
  seq INTEGER NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  why TEXT NOT NULL
) STRICT;

-- What collectors saw: who had what from when to when, and since which entry we know.
-- Rows are never edited but for `tx_to`, the entry that superseded them, and for the working columns
-- of `places` and `lineages`. docs/explain/inventory-facts.md explains the tables.
-- Instants are microseconds; `tx_*` are ledger sequences; 9007199254740991 is "not superseded",
-- 253402300799000000 "not ended", as `to_lo` "seen by the newest look".

CREATE TABLE inventory_assets (
  asset INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE asset_states (
  asset INTEGER NOT NULL,
  tx_from INTEGER NOT NULL,
  kind TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (asset, tx_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE name_conflicts (
  asset INTEGER NOT NULL PRIMARY KEY,
  entry INTEGER NOT NULL
) STRICT;

CREATE TABLE items (
  item INTEGER NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  digest TEXT NOT NULL,
  filename TEXT NOT NULL,
  admits TEXT NOT NULL,
  entry INTEGER NOT NULL
) STRICT;

CREATE INDEX items_by_name ON items (name, type);
CREATE INDEX items_by_digest ON items (digest) WHERE digest <> '';

CREATE TABLE identities (
  identity INTEGER NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  locator TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  local INTEGER NOT NULL CHECK (local IN (0, 1))
) STRICT;

CREATE INDEX identities_by_name ON identities (name, kind);

CREATE TABLE details (
  detail INTEGER NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE lineages (
  lineage INTEGER NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  content INTEGER NOT NULL,
  last_ord INTEGER NOT NULL
) STRICT;

CREATE TABLE places (
  place INTEGER NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  asset INTEGER NOT NULL,
  kind TEXT NOT NULL,
  locator TEXT NOT NULL,
  lineage INTEGER NOT NULL,
  machine TEXT NOT NULL,
  content INTEGER NOT NULL,
  looks INTEGER NOT NULL,
  last_hi INTEGER NOT NULL,
  ends_in_point INTEGER NOT NULL CHECK (ends_in_point IN (0, 1)),
  absent_since INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  unsure INTEGER NOT NULL,
  tangled INTEGER NOT NULL CHECK (tangled IN (0, 1))
) STRICT;

CREATE INDEX places_by_asset ON places (asset);

CREATE TABLE place_seen (
  place INTEGER NOT NULL,
  tx_from INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  PRIMARY KEY (place, tx_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE contents (
  content INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  base INTEGER NOT NULL,
  depth INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE content_parts (
  name TEXT NOT NULL,
  base TEXT NOT NULL,
  part INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (name, base, parts, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE looks (
  entry INTEGER NOT NULL PRIMARY KEY,
  place INTEGER NOT NULL,
  at_lo INTEGER NOT NULL,
  at_hi INTEGER NOT NULL,
  event INTEGER NOT NULL CHECK (event IN (0, 1)),
  ended INTEGER NOT NULL CHECK (ended IN (0, 1)),
  whole INTEGER NOT NULL CHECK (whole IN (0, 1)),
  begins INTEGER NOT NULL CHECK (begins IN (0, 1)),
  gaps INTEGER NOT NULL,
  content INTEGER NOT NULL,
  asset_kind TEXT NOT NULL,
  class INTEGER NOT NULL,
  gained INTEGER NOT NULL,
  appeared INTEGER NOT NULL CHECK (appeared IN (0, 1)),
  tx_to INTEGER NOT NULL
) STRICT;

CREATE INDEX looks_by_place ON looks (place, at_hi, at_lo);

CREATE TABLE presence (
  item INTEGER NOT NULL,
  place INTEGER NOT NULL,
  tx_from INTEGER NOT NULL,
  stage INTEGER NOT NULL,
  entry INTEGER NOT NULL,
  asset INTEGER NOT NULL,
  class INTEGER NOT NULL,
  from_lo INTEGER NOT NULL,
  from_hi INTEGER NOT NULL,
  to_lo INTEGER NOT NULL,
  to_hi INTEGER NOT NULL,
  tx_to INTEGER NOT NULL,
  detail INTEGER NOT NULL,
  sighting INTEGER NOT NULL,
  PRIMARY KEY (item, place, tx_from, stage, entry)
) STRICT, WITHOUT ROWID;

CREATE INDEX presence_by_place ON presence (place, sighting);

CREATE TABLE holdings (
  asset INTEGER NOT NULL,
  identity INTEGER NOT NULL,
  place INTEGER NOT NULL,
  tx_from INTEGER NOT NULL,
  entry INTEGER NOT NULL,
  class INTEGER NOT NULL,
  from_lo INTEGER NOT NULL,
  from_hi INTEGER NOT NULL,
  to_lo INTEGER NOT NULL,
  to_hi INTEGER NOT NULL,
  tx_to INTEGER NOT NULL,
  PRIMARY KEY (asset, identity, place, tx_from, entry)
) STRICT, WITHOUT ROWID;

CREATE INDEX holdings_by_identity ON holdings (identity);

CREATE TABLE lineage_contents (
  lineage INTEGER NOT NULL,
  content INTEGER NOT NULL,
  ord INTEGER NOT NULL,
  PRIMARY KEY (lineage, content)
) STRICT, WITHOUT ROWID;

CREATE TABLE lineage_items (
  item INTEGER NOT NULL,
  lineage INTEGER NOT NULL,
  ord_from INTEGER NOT NULL,
  sighting INTEGER NOT NULL,
  ord_to INTEGER NOT NULL,
  stage INTEGER NOT NULL,
  since_lo INTEGER,
  since_hi INTEGER,
  detail INTEGER NOT NULL,
  PRIMARY KEY (item, lineage, ord_from, sighting)
) STRICT, WITHOUT ROWID;

CREATE INDEX lineage_items_by_lineage ON lineage_items (lineage, sighting);

CREATE TABLE lineage_identities (
  lineage INTEGER NOT NULL,
  identity INTEGER NOT NULL,
  ord_from INTEGER NOT NULL,
  ord_to INTEGER NOT NULL,
  PRIMARY KEY (lineage, identity, ord_from)
) STRICT, WITHOUT ROWID;

CREATE INDEX lineage_identities_by_identity ON lineage_identities (identity);

CREATE TABLE occupancy (
  lineage INTEGER NOT NULL,
  ord INTEGER NOT NULL,
  place INTEGER NOT NULL,
  tx_from INTEGER NOT NULL,
  entry INTEGER NOT NULL,
  asset INTEGER NOT NULL,
  class INTEGER NOT NULL,
  from_lo INTEGER NOT NULL,
  from_hi INTEGER NOT NULL,
  to_lo INTEGER NOT NULL,
  to_hi INTEGER NOT NULL,
  latest INTEGER NOT NULL,
  tx_to INTEGER NOT NULL,
  PRIMARY KEY (lineage, ord, place, tx_from, entry)
) STRICT, WITHOUT ROWID;

CREATE INDEX occupancy_by_place ON occupancy (place);

-- Finished CI runs that say nothing beyond whose job, which content and when: some twenty bytes each,
-- in blocks of one job and one content. A run of which more becomes known moves to the tables above.
CREATE TABLE run_assets (
  run_asset INTEGER NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  prefix TEXT NOT NULL
) STRICT;

CREATE TABLE run_places (
  series INTEGER NOT NULL PRIMARY KEY,
  run_asset INTEGER NOT NULL,
  kind TEXT NOT NULL,
  locator TEXT NOT NULL,
  lineage INTEGER NOT NULL,
  last_number INTEGER NOT NULL
) STRICT;

CREATE INDEX run_places_by_asset ON run_places (run_asset);
CREATE INDEX run_places_by_lineage ON run_places (lineage);

CREATE TABLE run_blocks (
  series INTEGER NOT NULL,
  ord INTEGER NOT NULL,
  block INTEGER NOT NULL,
  runs INTEGER NOT NULL,
  number_min INTEGER NOT NULL,
  number_max INTEGER NOT NULL,
  entry_min INTEGER NOT NULL,
  entry_max INTEGER NOT NULL,
  lo_min INTEGER NOT NULL,
  hi_max INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (series, ord, block)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_blocks_by_entry ON run_blocks (entry_max, entry_min);

CREATE TABLE entities (
  entity INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE edges (
  relation TEXT NOT NULL,
  subject INTEGER NOT NULL,
  entry INTEGER NOT NULL,
  number INTEGER NOT NULL,
  object INTEGER NOT NULL,
  from_lo INTEGER NOT NULL,
  from_hi INTEGER NOT NULL,
  to_lo INTEGER NOT NULL,
  to_hi INTEGER NOT NULL,
  class INTEGER NOT NULL,
  note TEXT NOT NULL,
  tx_to INTEGER NOT NULL,
  PRIMARY KEY (relation, subject, entry, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX edges_by_object ON edges (object, relation);
CREATE INDEX edges_by_entry ON edges (entry, number);
CREATE INDEX edges_superseded ON edges (tx_to) WHERE tx_to <> 9007199254740991;

CREATE TABLE tallies (
  entry INTEGER NOT NULL PRIMARY KEY,
  facts INTEGER NOT NULL,
  assets INTEGER NOT NULL
) STRICT;

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
