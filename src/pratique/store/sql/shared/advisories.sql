-- name: add_advisory_revision
-- A revision of an advisory was recorded.
INSERT INTO advisory_revisions
  (seq, id, at, revision, overlay, source, modified, withdrawn, summary)
VALUES
  (:seq, :id, :at, :revision, :overlay, :source, :modified, :withdrawn, :summary);

-- name: add_advisory_mention
-- A revision names a project or an alias.
INSERT INTO advisory_mentions (what, seq, id) VALUES (:what, :seq, :id);

-- name: list_advisory_revisions
-- All revisions of one advisory below a ledger size, oldest first.
SELECT seq, id, at, revision, overlay, source, modified, withdrawn, summary
FROM advisory_revisions
WHERE id = :id AND seq < :tx
ORDER BY seq;

-- name: list_newest_advisories
-- The newest revision of every advisory below a ledger size, by id, after a given id.
SELECT seq, id, at, revision, overlay, source, modified, withdrawn, summary
FROM advisory_revisions
WHERE seq IN (SELECT max(seq) FROM advisory_revisions WHERE seq < :tx GROUP BY id)
  AND id > :after
ORDER BY id
LIMIT :count;

-- name: find_newest_advisory
-- The newest revision of one advisory below a ledger size.
SELECT seq, id, at, revision, overlay, source, modified, withdrawn, summary
FROM advisory_revisions
WHERE id = :id AND seq < :tx
ORDER BY seq DESC
LIMIT 1;

-- name: list_advisories_mentioning
-- Ids of advisories of which some revision names a project or an alias.
SELECT DISTINCT id FROM advisory_mentions WHERE what = :what AND seq < :tx ORDER BY id;

-- name: list_listed_versions
-- Versions of a project that some page of the door listed.
SELECT DISTINCT l.version
FROM pages p JOIN view_lines l ON l.page = p.page
WHERE p.project = :project AND l.version <> ''
ORDER BY l.version;

-- name: list_item_versions
-- Versions of a project that some evidence named.
SELECT DISTINCT version FROM items WHERE name = :name AND type = :type AND version <> ''
ORDER BY version;
