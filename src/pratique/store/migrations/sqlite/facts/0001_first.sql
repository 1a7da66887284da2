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

CREATE TABLE unreadable_entries (
  seq INTEGER NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  why TEXT NOT NULL
) STRICT;
