-- What vetting said, beside its verdict. Nothing wrote verdicts before this, so none are carried over.
DROP TABLE verdicts;

CREATE TABLE verdicts (
  sha256 TEXT NOT NULL PRIMARY KEY CHECK (length(sha256) = 64),
  verdict TEXT NOT NULL CHECK (verdict IN ('clean', 'suspicious', 'malicious', 'unknown')),
  headline TEXT NOT NULL DEFAULT '',
  gained TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
