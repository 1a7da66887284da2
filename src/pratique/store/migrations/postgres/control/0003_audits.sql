-- What reviewers found in files; decides, so it belongs here and not beside the reports.
CREATE TABLE audits (
  id text NOT NULL PRIMARY KEY,
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  filename text NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('clean', 'suspicious', 'malicious')),
  reason text NOT NULL,
  reviewer text NOT NULL,
  origin text NOT NULL,
  statement bytea NOT NULL,
  created_at bigint NOT NULL,
  revoked_at bigint
);

CREATE INDEX audits_by_sha256 ON audits (sha256);

CREATE TRIGGER audits_raise_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON audits
  FOR EACH STATEMENT EXECUTE FUNCTION raise_control_epoch();
