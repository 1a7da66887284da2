-- What vetting said, beside its verdict. Nothing wrote verdicts before this, so none are carried over.
DROP TABLE verdicts;

CREATE TABLE verdicts (
  sha256 text NOT NULL PRIMARY KEY CHECK (length(sha256) = 64),
  verdict text NOT NULL CHECK (verdict IN ('clean', 'suspicious', 'malicious', 'unknown')),
  headline text NOT NULL DEFAULT '',
  gained text NOT NULL DEFAULT ''
);

CREATE TRIGGER verdicts_raise_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON verdicts
  FOR EACH STATEMENT EXECUTE FUNCTION raise_control_epoch();
