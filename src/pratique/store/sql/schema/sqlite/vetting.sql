-- What vetting found out about bytes: can be made again from them, so nothing here must last.
-- Facts are a pure function of content and engine; the first row of a key stays.

CREATE TABLE content_facts (
  engine TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  language TEXT NOT NULL,
  facts BLOB NOT NULL,
  PRIMARY KEY (engine, sha256, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE release_facts (
  engine TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  facts BLOB NOT NULL,
  PRIMARY KEY (engine, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE vetting_reports (
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  engine TEXT NOT NULL,
  base_sha256 TEXT NOT NULL,
  weights TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('clean', 'suspicious', 'malicious', 'unknown')),
  score REAL NOT NULL,
  vetted_at INTEGER NOT NULL,
  report BLOB NOT NULL,
  PRIMARY KEY (sha256, engine, base_sha256, weights)
) STRICT, WITHOUT ROWID;

CREATE TABLE approved_files (
  project TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  filename TEXT NOT NULL,
  approved_at INTEGER NOT NULL,
  PRIMARY KEY (project, sha256)
) STRICT, WITHOUT ROWID;
