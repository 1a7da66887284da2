-- Projections of the ledger: every row follows from entries and may be dropped and made again.
-- Content (views and their lines) and occupancy (who was answered which view) are kept apart, so
-- that millions of page answers stay small. docs/explain/presence.md explains the tables.

CREATE TABLE projection (
  only_row smallint NOT NULL PRIMARY KEY CHECK (only_row = 1),
  applied bigint NOT NULL,
  origin text NOT NULL
);

CREATE TABLE pages (
  page bigint NOT NULL PRIMARY KEY,
  index_name text NOT NULL,
  project text NOT NULL,
  UNIQUE (project, index_name)
);

CREATE TABLE views (
  recording bigint NOT NULL PRIMARY KEY,
  page bigint NOT NULL,
  view text NOT NULL,
  base text NOT NULL,
  at bigint NOT NULL,
  complete_at bigint,
  UNIQUE (page, view, base)
);

CREATE TABLE view_lines (
  recording bigint NOT NULL,
  filename text NOT NULL,
  page bigint NOT NULL,
  version text NOT NULL,
  sha256 text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('allow', 'hide', 'hold', 'deny', 'removed')),
  rule text NOT NULL,
  until bigint,
  block text NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (recording, filename)
);

CREATE INDEX view_lines_by_release ON view_lines (page, version);
CREATE INDEX view_lines_by_file ON view_lines (page, filename);
CREATE INDEX view_lines_by_sha256 ON view_lines (sha256) WHERE sha256 <> '';
CREATE INDEX view_lines_by_block ON view_lines (block, recording) WHERE block <> '';
CREATE INDEX view_lines_blocked ON view_lines (seq) WHERE block <> '';

CREATE TABLE page_sessions (
  page bigint NOT NULL,
  view text NOT NULL,
  actor text NOT NULL,
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL,
  first_at bigint NOT NULL,
  last_at bigint NOT NULL,
  answers bigint NOT NULL,
  stale_answers bigint NOT NULL,
  agents text NOT NULL,
  PRIMARY KEY (page, view, actor, first_seq)
);

CREATE TABLE deliveries (
  seq bigint NOT NULL PRIMARY KEY,
  at bigint NOT NULL,
  actor text NOT NULL,
  page bigint NOT NULL,
  version text NOT NULL,
  filename text NOT NULL,
  sha256 text NOT NULL,
  door text NOT NULL,
  outcome text NOT NULL,
  rule text NOT NULL,
  method text NOT NULL,
  status bigint NOT NULL,
  byte_range text NOT NULL,
  agent text NOT NULL,
  waiver text NOT NULL,
  delivery text NOT NULL
);

CREATE INDEX deliveries_by_release ON deliveries (page, version);
CREATE INDEX deliveries_by_sha256 ON deliveries (sha256);

CREATE TABLE delivery_ends (
  delivery text NOT NULL PRIMARY KEY,
  seq bigint NOT NULL,
  at bigint NOT NULL,
  bytes_sent bigint NOT NULL,
  complete smallint NOT NULL CHECK (complete IN (0, 1)),
  error text NOT NULL
);

CREATE TABLE refusals (
  seq bigint NOT NULL PRIMARY KEY,
  at bigint NOT NULL,
  actor text NOT NULL,
  page bigint NOT NULL,
  version text NOT NULL,
  filename text NOT NULL,
  sha256 text NOT NULL,
  door text NOT NULL,
  outcome text NOT NULL,
  rule text NOT NULL,
  reason text NOT NULL,
  until bigint,
  block text NOT NULL,
  method text NOT NULL,
  agent text NOT NULL
);

CREATE INDEX refusals_by_release ON refusals (page, version);
CREATE INDEX refusals_by_sha256 ON refusals (sha256) WHERE sha256 <> '';
CREATE INDEX refusals_by_block ON refusals (block, seq) WHERE block <> '';

CREATE TABLE watches (
  collector text NOT NULL,
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL,
  first_at bigint NOT NULL,
  last_at bigint NOT NULL,
  node text NOT NULL,
  mode text NOT NULL,
  period_seconds bigint NOT NULL,
  stopped smallint NOT NULL CHECK (stopped IN (0, 1)),
  PRIMARY KEY (collector, first_seq)
);

CREATE TABLE assets (
  actor text NOT NULL PRIMARY KEY,
  first_seq bigint NOT NULL
);

CREATE TABLE events (
  seq bigint NOT NULL PRIMARY KEY,
  at bigint NOT NULL,
  kind text NOT NULL,
  subject text NOT NULL,
  actor text NOT NULL,
  body text NOT NULL
);

CREATE INDEX events_by_kind ON events (kind, seq);
CREATE INDEX events_of_intake ON events (subject) WHERE kind = 'intake';

CREATE TABLE unreadable_entries (
  seq bigint NOT NULL PRIMARY KEY,
  kind text NOT NULL,
  why text NOT NULL
);

-- What collectors saw: who had what from when to when, and since which entry we know.
-- Rows are never edited but for `tx_to`, the entry that superseded them, and for the working columns
-- of `places` and `lineages`. docs/explain/inventory-facts.md explains the tables.
-- Instants are microseconds; `tx_*` are ledger sequences; 9007199254740991 is "not superseded",
-- 253402300799000000 "not ended", as `to_lo` "seen by the newest look".

CREATE TABLE inventory_assets (
  asset bigint NOT NULL PRIMARY KEY,
  name text NOT NULL UNIQUE
);

CREATE TABLE asset_states (
  asset bigint NOT NULL,
  tx_from bigint NOT NULL,
  kind text NOT NULL,
  since bigint NOT NULL,
  PRIMARY KEY (asset, tx_from)
);

CREATE TABLE name_conflicts (
  asset bigint NOT NULL PRIMARY KEY,
  entry bigint NOT NULL
);

CREATE TABLE items (
  item bigint NOT NULL PRIMARY KEY,
  hash text NOT NULL UNIQUE,
  type text NOT NULL,
  name text NOT NULL,
  version text NOT NULL,
  digest text NOT NULL,
  filename text NOT NULL,
  admits text NOT NULL,
  entry bigint NOT NULL
);

CREATE INDEX items_by_name ON items (name, type);
CREATE INDEX items_by_digest ON items (digest) WHERE digest <> '';

CREATE TABLE identities (
  identity bigint NOT NULL PRIMARY KEY,
  hash text NOT NULL UNIQUE,
  kind text NOT NULL,
  name text NOT NULL,
  locator text NOT NULL,
  fingerprint text NOT NULL,
  local bigint NOT NULL CHECK (local IN (0, 1))
);

CREATE INDEX identities_by_name ON identities (name, kind);

CREATE TABLE details (
  detail bigint NOT NULL PRIMARY KEY,
  hash text NOT NULL UNIQUE,
  body text NOT NULL
);

CREATE TABLE lineages (
  lineage bigint NOT NULL PRIMARY KEY,
  hash text NOT NULL UNIQUE,
  name text NOT NULL,
  content bigint NOT NULL,
  last_ord bigint NOT NULL
);

CREATE TABLE places (
  place bigint NOT NULL PRIMARY KEY,
  hash text NOT NULL UNIQUE,
  asset bigint NOT NULL,
  kind text NOT NULL,
  locator text NOT NULL,
  lineage bigint NOT NULL,
  machine text NOT NULL,
  content bigint NOT NULL,
  looks bigint NOT NULL,
  last_hi bigint NOT NULL,
  ends_in_point bigint NOT NULL CHECK (ends_in_point IN (0, 1)),
  absent_since bigint NOT NULL,
  seen bigint NOT NULL,
  unsure bigint NOT NULL,
  tangled bigint NOT NULL CHECK (tangled IN (0, 1))
);

CREATE INDEX places_by_asset ON places (asset);

CREATE TABLE place_seen (
  place bigint NOT NULL,
  tx_from bigint NOT NULL,
  seen bigint NOT NULL,
  PRIMARY KEY (place, tx_from)
);

CREATE TABLE contents (
  content bigint NOT NULL PRIMARY KEY,
  name text NOT NULL UNIQUE,
  base bigint NOT NULL,
  depth bigint NOT NULL,
  body bytea NOT NULL
);

CREATE TABLE content_parts (
  name text NOT NULL,
  base text NOT NULL,
  part bigint NOT NULL,
  parts bigint NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (name, base, parts, part)
);

CREATE TABLE looks (
  entry bigint NOT NULL PRIMARY KEY,
  place bigint NOT NULL,
  at_lo bigint NOT NULL,
  at_hi bigint NOT NULL,
  event bigint NOT NULL CHECK (event IN (0, 1)),
  ended bigint NOT NULL CHECK (ended IN (0, 1)),
  whole bigint NOT NULL CHECK (whole IN (0, 1)),
  begins bigint NOT NULL CHECK (begins IN (0, 1)),
  gaps bigint NOT NULL,
  content bigint NOT NULL,
  asset_kind text NOT NULL,
  class bigint NOT NULL,
  gained bigint NOT NULL,
  appeared bigint NOT NULL CHECK (appeared IN (0, 1)),
  tx_to bigint NOT NULL
);

CREATE INDEX looks_by_place ON looks (place, at_hi, at_lo);

-- By month of the end. What has not ended lies apart, and of that what was superseded (since it has
-- ended, as is known now) again apart; PostgreSQL moves the row when `tx_to` is set. Months are added
-- as rows need them (`ensure_presence_month`); what lies outside 2020 to 2039 shares two partitions.
CREATE TABLE presence (
  item bigint NOT NULL,
  place bigint NOT NULL,
  tx_from bigint NOT NULL,
  stage bigint NOT NULL,
  entry bigint NOT NULL,
  asset bigint NOT NULL,
  class bigint NOT NULL,
  from_lo bigint NOT NULL,
  from_hi bigint NOT NULL,
  to_lo bigint NOT NULL,
  to_hi bigint NOT NULL,
  tx_to bigint NOT NULL,
  detail bigint NOT NULL,
  sighting bigint NOT NULL
) PARTITION BY RANGE (to_hi);

CREATE INDEX presence_by_item ON presence (item, place);
CREATE INDEX presence_by_place ON presence (place, sighting);

CREATE TABLE presence_early PARTITION OF presence
  FOR VALUES FROM (MINVALUE) TO (1577836800000000);
CREATE TABLE presence_far PARTITION OF presence
  FOR VALUES FROM (2208988800000000) TO (253402300799000000);
CREATE TABLE presence_open PARTITION OF presence
  FOR VALUES FROM (253402300799000000) TO (MAXVALUE) PARTITION BY RANGE (tx_to);
CREATE TABLE presence_open_past PARTITION OF presence_open
  FOR VALUES FROM (MINVALUE) TO (9007199254740991);
CREATE TABLE presence_open_now PARTITION OF presence_open
  FOR VALUES FROM (9007199254740991) TO (MAXVALUE);

-- Attaching a table, unlike creating a partition, does not wait for readers or stop them.
CREATE FUNCTION ensure_presence_month(month text, first bigint, next bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF to_regclass(month) IS NULL THEN
    EXECUTE format('CREATE TABLE %I (LIKE presence)', month);
    EXECUTE format('ALTER TABLE presence ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
      month, first, next);
  END IF;
END
$$;

CREATE TABLE holdings (
  asset bigint NOT NULL,
  identity bigint NOT NULL,
  place bigint NOT NULL,
  tx_from bigint NOT NULL,
  entry bigint NOT NULL,
  class bigint NOT NULL,
  from_lo bigint NOT NULL,
  from_hi bigint NOT NULL,
  to_lo bigint NOT NULL,
  to_hi bigint NOT NULL,
  tx_to bigint NOT NULL,
  PRIMARY KEY (asset, identity, place, tx_from, entry)
);

CREATE INDEX holdings_by_identity ON holdings (identity);

CREATE TABLE lineage_contents (
  lineage bigint NOT NULL,
  content bigint NOT NULL,
  ord bigint NOT NULL,
  PRIMARY KEY (lineage, content)
);

CREATE TABLE lineage_items (
  item bigint NOT NULL,
  lineage bigint NOT NULL,
  ord_from bigint NOT NULL,
  sighting bigint NOT NULL,
  ord_to bigint NOT NULL,
  stage bigint NOT NULL,
  since_lo bigint,
  since_hi bigint,
  detail bigint NOT NULL,
  PRIMARY KEY (item, lineage, ord_from, sighting)
);

CREATE INDEX lineage_items_by_lineage ON lineage_items (lineage, sighting);

CREATE TABLE lineage_identities (
  lineage bigint NOT NULL,
  identity bigint NOT NULL,
  ord_from bigint NOT NULL,
  ord_to bigint NOT NULL,
  PRIMARY KEY (lineage, identity, ord_from)
);

CREATE INDEX lineage_identities_by_identity ON lineage_identities (identity);

CREATE TABLE occupancy (
  lineage bigint NOT NULL,
  ord bigint NOT NULL,
  place bigint NOT NULL,
  tx_from bigint NOT NULL,
  entry bigint NOT NULL,
  asset bigint NOT NULL,
  class bigint NOT NULL,
  from_lo bigint NOT NULL,
  from_hi bigint NOT NULL,
  to_lo bigint NOT NULL,
  to_hi bigint NOT NULL,
  latest bigint NOT NULL,
  tx_to bigint NOT NULL,
  PRIMARY KEY (lineage, ord, place, tx_from, entry)
);

CREATE INDEX occupancy_by_place ON occupancy (place);

-- Finished CI runs that say nothing beyond whose job, which content and when: some twenty bytes each,
-- in blocks of one job and one content. A run of which more becomes known moves to the tables above.
CREATE TABLE run_assets (
  run_asset bigint NOT NULL PRIMARY KEY,
  hash text NOT NULL UNIQUE,
  prefix text NOT NULL
);

CREATE TABLE run_places (
  series bigint NOT NULL PRIMARY KEY,
  run_asset bigint NOT NULL,
  kind text NOT NULL,
  locator text NOT NULL,
  lineage bigint NOT NULL,
  last_number bigint NOT NULL
);

CREATE INDEX run_places_by_asset ON run_places (run_asset);
CREATE INDEX run_places_by_lineage ON run_places (lineage);

CREATE TABLE run_blocks (
  series bigint NOT NULL,
  ord bigint NOT NULL,
  block bigint NOT NULL,
  runs bigint NOT NULL,
  number_min bigint NOT NULL,
  number_max bigint NOT NULL,
  entry_min bigint NOT NULL,
  entry_max bigint NOT NULL,
  lo_min bigint NOT NULL,
  hi_max bigint NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (series, ord, block)
);

CREATE INDEX run_blocks_by_entry ON run_blocks (entry_max, entry_min);

CREATE TABLE entities (
  entity bigint NOT NULL PRIMARY KEY,
  name text NOT NULL UNIQUE
);

CREATE TABLE edges (
  relation text NOT NULL,
  subject bigint NOT NULL,
  entry bigint NOT NULL,
  number bigint NOT NULL,
  object bigint NOT NULL,
  from_lo bigint NOT NULL,
  from_hi bigint NOT NULL,
  to_lo bigint NOT NULL,
  to_hi bigint NOT NULL,
  class bigint NOT NULL,
  note text NOT NULL,
  tx_to bigint NOT NULL,
  PRIMARY KEY (relation, subject, entry, number)
);

CREATE INDEX edges_by_object ON edges (object, relation);
CREATE INDEX edges_by_entry ON edges (entry, number);
CREATE INDEX edges_superseded ON edges (tx_to) WHERE tx_to <> 9007199254740991;

CREATE TABLE tallies (
  entry bigint NOT NULL PRIMARY KEY,
  facts bigint NOT NULL,
  assets bigint NOT NULL
);

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
