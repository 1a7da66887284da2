-- What people and studies decided. Every commit to this file is noticed by every process at its
-- next question (PRAGMA data_version), so nothing that changes often may live here.

CREATE TABLE tokens (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('asset', 'approver', 'collector', 'party')),
  secret_sha256 TEXT NOT NULL UNIQUE CHECK (length(secret_sha256) = 64),
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  party TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE waivers (
  id TEXT NOT NULL PRIMARY KEY,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  filename TEXT NOT NULL,
  index_name TEXT NOT NULL,
  asset TEXT NOT NULL,
  approver TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  overrides_deny INTEGER NOT NULL CHECK (overrides_deny IN (0, 1)),
  revoked_at INTEGER
) STRICT;

CREATE INDEX waivers_by_sha256 ON waivers (sha256);

CREATE TABLE verdicts (
  sha256 TEXT NOT NULL PRIMARY KEY CHECK (length(sha256) = 64),
  verdict TEXT NOT NULL CHECK (verdict IN ('clean', 'suspicious', 'malicious', 'unknown')),
  headline TEXT NOT NULL DEFAULT '',
  gained TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE TABLE studies (
  sha256 TEXT NOT NULL PRIMARY KEY CHECK (length(sha256) = 64),
  fresh_dependencies TEXT,
  publisher TEXT,
  studied_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audits (
  id TEXT NOT NULL PRIMARY KEY,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  filename TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('clean', 'suspicious', 'malicious')),
  reason TEXT NOT NULL,
  reviewer TEXT NOT NULL,
  origin TEXT NOT NULL,
  statement BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;

CREATE INDEX audits_by_sha256 ON audits (sha256);
