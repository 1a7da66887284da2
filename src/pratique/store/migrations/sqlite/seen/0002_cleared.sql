-- Files that vetting found clean: written with every first download, so they do not raise the epoch.
CREATE TABLE cleared_files (
  project TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  PRIMARY KEY (project, sha256)
) STRICT, WITHOUT ROWID;
