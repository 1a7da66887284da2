-- What the door met. Rows are added, never changed (serials only rise), and no answer that another
-- process keeps can become wrong by them: docs/decisions/0005-store.md says why for each table.

CREATE TABLE origins (
  index_name text NOT NULL,
  project text NOT NULL,
  upstream text NOT NULL,
  PRIMARY KEY (index_name, project)
);

CREATE TABLE serials (
  upstream text NOT NULL,
  project text NOT NULL,
  serial bigint NOT NULL,
  PRIMARY KEY (upstream, project)
);

CREATE TABLE delivered_files (
  index_name text NOT NULL,
  project text NOT NULL,
  version text NOT NULL,
  filename text NOT NULL,
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  upstream text NOT NULL,
  door_path text NOT NULL,
  raw bytea NOT NULL,
  PRIMARY KEY (index_name, project, filename, sha256)
);

CREATE TABLE pinned_hashes (
  upstream text NOT NULL,
  url text NOT NULL,
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  PRIMARY KEY (upstream, url)
);

CREATE TABLE cleared_files (
  project text NOT NULL,
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  PRIMARY KEY (project, sha256)
);
