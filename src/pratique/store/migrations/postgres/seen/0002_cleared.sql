-- Files that vetting found clean: written with every first download, so they do not raise the epoch.
CREATE TABLE cleared_files (
  project text NOT NULL,
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  PRIMARY KEY (project, sha256)
);
