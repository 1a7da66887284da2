-- What reviewers found in files; decides, so it belongs here and not beside the reports.
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
