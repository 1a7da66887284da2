-- name: lock_projection
-- One projector at a time; SQLite's transaction is that already.
SELECT 1;
