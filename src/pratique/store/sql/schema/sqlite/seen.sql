-- What the door met. Rows are added, never changed (serials only rise), and no answer that another
-- process keeps can become wrong by them: docs/decisions/0005-store.md says why for each table.

CREATE TABLE origins (
  index_name TEXT NOT NULL,
  project TEXT NOT NULL,
  upstream TEXT NOT NULL,
  PRIMARY KEY (index_name, project)
) STRICT, WITHOUT ROWID;

CREATE TABLE serials (
  upstream TEXT NOT NULL,
  project TEXT NOT NULL,
  serial INTEGER NOT NULL,
  PRIMARY KEY (upstream, project)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivered_files (
  index_name TEXT NOT NULL,
  project TEXT NOT NULL,
  version TEXT NOT NULL,
  filename TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  upstream TEXT NOT NULL,
  door_path TEXT NOT NULL,
  raw BLOB NOT NULL,
  PRIMARY KEY (index_name, project, filename, sha256)
) STRICT;

CREATE TABLE pinned_hashes (
  upstream TEXT NOT NULL,
  url TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  PRIMARY KEY (upstream, url)
) STRICT, WITHOUT ROWID;

CREATE TABLE cleared_files (
  project TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  PRIMARY KEY (project, sha256)
) STRICT, WITHOUT ROWID;
