-- Marks: which objects have other forms, where the index of them is, and what was committed to.

CREATE TABLE mark_runs (
  dataset text NOT NULL,
  number bigint NOT NULL,
  first_mark bigint NOT NULL,
  marks bigint NOT NULL CHECK (marks >= 0),
  index_object text NOT NULL,
  index_size bigint NOT NULL,
  index_sha256 text NOT NULL CHECK (length(index_sha256) = 64),
  wrapped_key bytea NOT NULL,
  key_commitment text NOT NULL,
  entry bigint NOT NULL,
  marked_at bigint NOT NULL,
  PRIMARY KEY (dataset, number)
);

CREATE TABLE object_marks (
  object text NOT NULL PRIMARY KEY,
  dataset text NOT NULL,
  layout_size bigint NOT NULL CHECK (layout_size > 0),
  marks bigint NOT NULL
);

CREATE TABLE lease_codewords (
  lease text NOT NULL,
  dataset text NOT NULL,
  marks bigint NOT NULL,
  commitment text NOT NULL CHECK (length(commitment) = 64),
  entry bigint NOT NULL,
  PRIMARY KEY (lease, dataset, marks)
);
