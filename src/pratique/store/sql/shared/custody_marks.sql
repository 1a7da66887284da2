-- name: list_mark_runs
-- Every run of marking of a dataset.
SELECT dataset, number, first_mark, marks, index_object, index_size, index_sha256, wrapped_key,
  key_commitment, entry, marked_at
FROM mark_runs WHERE dataset = :dataset ORDER BY number;

-- name: add_mark_run
-- Store a run; gives a row only if its number was free.
INSERT INTO mark_runs (dataset, number, first_mark, marks, index_object, index_size, index_sha256,
  wrapped_key, key_commitment, entry, marked_at)
VALUES (:dataset, :number, :first_mark, :marks, :index_object, :index_size, :index_sha256,
  :wrapped_key, :key_commitment, :entry, :marked_at)
ON CONFLICT (dataset, number) DO NOTHING RETURNING number;

-- name: add_object_marks
-- Note that an object has marks.
INSERT INTO object_marks (object, dataset, layout_size, marks)
VALUES (:object, :dataset, :layout_size, :marks) ON CONFLICT (object) DO NOTHING;

-- name: find_object_marks
-- Whether an object has marks.
SELECT object, dataset, layout_size, marks FROM object_marks WHERE object = :object;

-- name: list_lease_codewords
-- What was committed to of a lease's codeword for a dataset, the longest last.
SELECT lease, dataset, marks, commitment, entry
FROM lease_codewords WHERE lease = :lease AND dataset = :dataset ORDER BY marks;

-- name: add_lease_codeword
-- Remember a commitment.
INSERT INTO lease_codewords (lease, dataset, marks, commitment, entry)
VALUES (:lease, :dataset, :marks, :commitment, :entry) ON CONFLICT (lease, dataset, marks) DO NOTHING;
