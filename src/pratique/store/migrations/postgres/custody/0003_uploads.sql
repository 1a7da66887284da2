-- Parts of uploads that have arrived, who completes an upload, and what became of it.

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
