-- Tokens may belong to a party, and parties push evidence with tokens of their own. A check cannot be
-- changed in place.
ALTER TABLE tokens RENAME TO tokens_before;

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

INSERT INTO tokens (id, name, role, secret_sha256, created_at, expires_at, revoked_at)
SELECT id, name, role, secret_sha256, created_at, expires_at, revoked_at FROM tokens_before;

DROP TABLE tokens_before;
