-- What vetting found out about bytes: can be made again from them, so nothing here must last.
-- Facts are a pure function of content and engine; the first row of a key stays.

CREATE TABLE content_facts (
  engine text NOT NULL,
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  language text NOT NULL,
  facts bytea NOT NULL,
  PRIMARY KEY (engine, sha256, language)
);

CREATE TABLE release_facts (
  engine text NOT NULL,
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  facts bytea NOT NULL,
  PRIMARY KEY (engine, sha256)
);

CREATE TABLE vetting_reports (
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  engine text NOT NULL,
  base_sha256 text NOT NULL,
  weights text NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('clean', 'suspicious', 'malicious', 'unknown')),
  score double precision NOT NULL,
  vetted_at bigint NOT NULL,
  report bytea NOT NULL,
  PRIMARY KEY (sha256, engine, base_sha256, weights)
);

CREATE TABLE approved_files (
  project text NOT NULL,
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  filename text NOT NULL,
  approved_at bigint NOT NULL,
  PRIMARY KEY (project, sha256)
);
