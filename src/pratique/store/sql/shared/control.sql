-- name: find_token_by_secret
-- The token whose secret has this hash, living or not.
SELECT id, name, role, secret_sha256, created_at, expires_at, revoked_at, party
FROM tokens WHERE secret_sha256 = :secret_sha256;

-- name: list_tokens
-- All tokens, oldest first.
SELECT id, name, role, secret_sha256, created_at, expires_at, revoked_at, party
FROM tokens ORDER BY created_at, id;

-- name: add_token
-- Store a token; the same one again changes nothing.
INSERT INTO tokens (id, name, role, secret_sha256, created_at, expires_at, revoked_at, party)
VALUES (:id, :name, :role, :secret_sha256, :created_at, :expires_at, :revoked_at, :party)
ON CONFLICT (id) DO NOTHING;

-- name: revoke_token
-- End a living token; gives a row only if there was one.
UPDATE tokens SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL RETURNING id;

-- name: list_waivers
-- All waivers, oldest first.
SELECT id, sha256, filename, index_name, asset, approver, reason, created_at, expires_at,
  overrides_deny, revoked_at
FROM waivers ORDER BY created_at, id;

-- name: add_waiver
-- Store a waiver; the same one again changes nothing.
INSERT INTO waivers (id, sha256, filename, index_name, asset, approver, reason, created_at,
  expires_at, overrides_deny, revoked_at)
VALUES (:id, :sha256, :filename, :index_name, :asset, :approver, :reason, :created_at,
  :expires_at, :overrides_deny, :revoked_at)
ON CONFLICT (id) DO NOTHING;

-- name: revoke_waiver
-- End a living waiver; gives a row only if there was one.
UPDATE waivers SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL RETURNING id;

-- name: set_verdict
-- Replace the verdict of a file.
INSERT INTO verdicts (sha256, verdict, headline, gained)
VALUES (:sha256, :verdict, :headline, :gained)
ON CONFLICT (sha256) DO UPDATE SET verdict = excluded.verdict, headline = excluded.headline,
  gained = excluded.gained;

-- name: drop_verdict
-- Forget the verdict of a file.
DELETE FROM verdicts WHERE sha256 = :sha256;

-- name: set_study
-- Replace what was learned of a file.
INSERT INTO studies (sha256, fresh_dependencies, publisher, studied_at)
VALUES (:sha256, :fresh_dependencies, :publisher, :studied_at)
ON CONFLICT (sha256) DO UPDATE SET fresh_dependencies = excluded.fresh_dependencies,
  publisher = excluded.publisher, studied_at = excluded.studied_at;

-- name: find_waivers
-- Waivers of these files, oldest first.
SELECT id, sha256, filename, index_name, asset, approver, reason, created_at, expires_at,
  overrides_deny, revoked_at
FROM waivers WHERE sha256 {{among :digests text}} ORDER BY created_at, id;

-- name: find_verdicts
-- Verdicts of those files that have one.
SELECT sha256, verdict, headline, gained FROM verdicts WHERE sha256 {{among :digests text}};

-- name: find_studies
-- Studies of those files that have one.
SELECT sha256, fresh_dependencies, publisher, studied_at
FROM studies WHERE sha256 {{among :digests text}};
