-- name: find_waivers
-- Waivers of these files, oldest first.
SELECT id, sha256, filename, index_name, asset, approver, reason, created_at, expires_at,
  overrides_deny, revoked_at
FROM waivers WHERE sha256 IN (SELECT value FROM json_each(:digests)) ORDER BY created_at, id;

-- name: find_verdicts
-- Verdicts of those files that have one.
SELECT sha256, verdict, headline, gained FROM verdicts WHERE sha256 IN (SELECT value FROM json_each(:digests));

-- name: find_studies
-- Studies of those files that have one.
SELECT sha256, fresh_dependencies, publisher, studied_at
FROM studies WHERE sha256 IN (SELECT value FROM json_each(:digests));
