-- What people and studies decided. Every change raises control_epoch in its own transaction and
-- wakes the other processes, so nothing that changes often may live here.

CREATE TABLE tokens (
  id text NOT NULL PRIMARY KEY,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('asset', 'approver', 'collector', 'party')),
  secret_sha256 text NOT NULL UNIQUE CHECK (length(secret_sha256) = 64),
  created_at bigint NOT NULL,
  expires_at bigint,
  revoked_at bigint,
  party text NOT NULL DEFAULT ''
);

CREATE TABLE waivers (
  id text NOT NULL PRIMARY KEY,
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  filename text NOT NULL,
  index_name text NOT NULL,
  asset text NOT NULL,
  approver text NOT NULL,
  reason text NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  overrides_deny smallint NOT NULL CHECK (overrides_deny IN (0, 1)),
  revoked_at bigint
);

CREATE INDEX waivers_by_sha256 ON waivers (sha256);

CREATE TABLE verdicts (
  sha256 text NOT NULL PRIMARY KEY CHECK (length(sha256) = 64),
  verdict text NOT NULL CHECK (verdict IN ('clean', 'suspicious', 'malicious', 'unknown')),
  headline text NOT NULL DEFAULT '',
  gained text NOT NULL DEFAULT ''
);

CREATE TABLE studies (
  sha256 text NOT NULL PRIMARY KEY CHECK (length(sha256) = 64),
  fresh_dependencies text,
  publisher text,
  studied_at bigint NOT NULL
);

CREATE TABLE control_epoch (
  only_row boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
  value bigint NOT NULL
);

INSERT INTO control_epoch (value) VALUES (1);

-- The row lock that this takes is held until commit, so values follow the order of commits.
CREATE FUNCTION raise_control_epoch() RETURNS trigger LANGUAGE plpgsql
  SET search_path FROM CURRENT AS $$
BEGIN
  UPDATE control_epoch SET value = value + 1;
  PERFORM pg_notify('pratique_control', '');
  RETURN NULL;
END
$$;

CREATE TRIGGER tokens_raise_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tokens
  FOR EACH STATEMENT EXECUTE FUNCTION raise_control_epoch();

CREATE TRIGGER waivers_raise_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON waivers
  FOR EACH STATEMENT EXECUTE FUNCTION raise_control_epoch();

CREATE TRIGGER verdicts_raise_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON verdicts
  FOR EACH STATEMENT EXECUTE FUNCTION raise_control_epoch();

CREATE TRIGGER studies_raise_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON studies
  FOR EACH STATEMENT EXECUTE FUNCTION raise_control_epoch();

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
