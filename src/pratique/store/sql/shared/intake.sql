-- name: find_intake
-- The entry that names a batch which a collector pushed.
SELECT seq FROM events WHERE kind = 'intake' AND subject = :subject ORDER BY seq LIMIT 1;
