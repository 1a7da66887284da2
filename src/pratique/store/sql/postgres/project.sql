-- name: lock_projection
-- One projector at a time, until its transaction ends.
SELECT pg_advisory_xact_lock(1886544244);
