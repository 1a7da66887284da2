-- name: find_audits
-- Audits of these files, oldest first.
SELECT id, sha256, filename, verdict, reason, reviewer, origin, statement, created_at, revoked_at
FROM audits WHERE sha256 IN (SELECT value FROM json_each(:digests)) ORDER BY created_at, id;
