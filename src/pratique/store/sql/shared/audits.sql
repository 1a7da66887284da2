-- name: add_audit
-- Keep what a reviewer found; the same audit again changes nothing.
INSERT INTO audits
  (id, sha256, filename, verdict, reason, reviewer, origin, statement, created_at, revoked_at)
VALUES (:id, :sha256, :filename, :verdict, :reason, :reviewer, :origin, :statement, :created_at,
  :revoked_at)
ON CONFLICT (id) DO NOTHING;

-- name: revoke_audit
-- Revoke a living audit.
UPDATE audits SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL RETURNING id;

-- name: list_audits
-- All audits, oldest first.
SELECT id, sha256, filename, verdict, reason, reviewer, origin, statement, created_at, revoked_at
FROM audits ORDER BY created_at, id;

-- name: find_audits
-- Audits of these files, oldest first.
SELECT id, sha256, filename, verdict, reason, reviewer, origin, statement, created_at, revoked_at
FROM audits WHERE sha256 {{among :digests text}} ORDER BY created_at, id;
