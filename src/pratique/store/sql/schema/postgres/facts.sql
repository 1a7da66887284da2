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

CREATE TABLE unreadable_entries (
  seq bigint NOT NULL PRIMARY KEY,
  kind text NOT NULL,
  why text NOT NULL
);
