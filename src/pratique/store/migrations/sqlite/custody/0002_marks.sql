-- Marks: which objects have other forms, where the index of them is, and what was committed to.

CREATE TABLE mark_runs (
  dataset TEXT NOT NULL,
  number INTEGER NOT NULL,
  first_mark INTEGER NOT NULL,
  marks INTEGER NOT NULL CHECK (marks >= 0),
  index_object TEXT NOT NULL,
  index_size INTEGER NOT NULL,
  index_sha256 TEXT NOT NULL CHECK (length(index_sha256) = 64),
  wrapped_key BLOB NOT NULL,
  key_commitment TEXT NOT NULL,
  entry INTEGER NOT NULL,
  marked_at INTEGER NOT NULL,
  PRIMARY KEY (dataset, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE object_marks (
  object TEXT NOT NULL PRIMARY KEY,
  dataset TEXT NOT NULL,
  layout_size INTEGER NOT NULL CHECK (layout_size > 0),
  marks INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lease_codewords (
  lease TEXT NOT NULL,
  dataset TEXT NOT NULL,
  marks INTEGER NOT NULL,
  commitment TEXT NOT NULL CHECK (length(commitment) = 64),
  entry INTEGER NOT NULL,
  PRIMARY KEY (lease, dataset, marks)
) STRICT, WITHOUT ROWID;
