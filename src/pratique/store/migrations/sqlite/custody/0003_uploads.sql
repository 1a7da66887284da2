-- Parts of uploads that have arrived, who completes an upload, and what became of it.

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
