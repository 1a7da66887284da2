-- name: list_recordings
-- How every view of a page was made.
SELECT recording, page, view, base, complete_at FROM views WHERE page = :page;

-- name: list_pages_of_project
-- A project's pages on all index views.
SELECT page, index_name, project FROM pages WHERE project = :project;

-- name: find_page_name
-- What a page's number stands for.
SELECT index_name, project FROM pages WHERE page = :page;

-- name: list_filenames_of_release
-- Names under which a release's files ever stood on a page; a local version counts as its release.
SELECT DISTINCT filename FROM view_lines WHERE page = :page AND version = :version;

-- name: list_versions_of_page
-- Versions ever listed on a page, delivered or refused from it, each looked up from the one before.
WITH RECURSIVE listed (version) AS (
  SELECT min(version) FROM view_lines WHERE page = :page AND version > ''
  UNION ALL
  SELECT (SELECT min(n.version) FROM view_lines AS n
    WHERE n.page = :page AND n.version > listed.version)
  FROM listed WHERE version IS NOT NULL
), delivered (version) AS (
  SELECT min(version) FROM deliveries WHERE page = :page
  UNION ALL
  SELECT (SELECT min(n.version) FROM deliveries AS n
    WHERE n.page = :page AND n.version > delivered.version)
  FROM delivered WHERE version IS NOT NULL
), refused (version) AS (
  SELECT min(version) FROM refusals WHERE page = :page
  UNION ALL
  SELECT (SELECT min(n.version) FROM refusals AS n
    WHERE n.page = :page AND n.version > refused.version)
  FROM refused WHERE version IS NOT NULL
)
SELECT version FROM listed WHERE version IS NOT NULL
UNION SELECT version FROM delivered WHERE version IS NOT NULL
UNION SELECT version FROM refused WHERE version IS NOT NULL
UNION SELECT '' WHERE EXISTS (SELECT 1 FROM view_lines
  WHERE page = :page AND version = '' AND outcome <> 'removed');

-- name: list_places_of_sha256
-- Where a file ever stood.
SELECT DISTINCT page, filename FROM view_lines WHERE sha256 = :sha256 AND sha256 <> '';

-- name: list_lines_of_file
-- Everything recorded of a file name on a page.
SELECT recording, filename, sha256, outcome, rule, seq
FROM view_lines WHERE page = :page AND filename = :filename;

-- name: list_sessions_of_view
-- Who was answered a view.
SELECT actor, first_at, last_at, first_seq, last_seq, answers
FROM page_sessions WHERE page = :page AND view = :view;

-- name: list_unexplained_sessions
-- Answers of a page whose view was never completely recorded.
SELECT view, actor, first_at, last_at, first_seq, last_seq, answers
FROM page_sessions AS s WHERE page = :page AND NOT EXISTS (
  SELECT 1 FROM views AS v
  WHERE v.page = s.page AND v.view = s.view AND v.complete_at IS NOT NULL);

-- name: list_deliveries_of_release
-- Deliveries of a release from one page.
SELECT d.seq, d.at, d.actor, d.page, d.filename, d.sha256, d.door, d.outcome, d.method, d.status,
  d.byte_range, d.waiver, e.complete, e.bytes_sent
FROM deliveries AS d LEFT JOIN delivery_ends AS e ON e.delivery = d.delivery
WHERE d.page = :page AND d.version = :version;

-- name: list_deliveries_of_sha256
-- Deliveries of a file from anywhere.
SELECT d.seq, d.at, d.actor, d.page, d.filename, d.sha256, d.door, d.outcome, d.method, d.status,
  d.byte_range, d.waiver, e.complete, e.bytes_sent
FROM deliveries AS d LEFT JOIN delivery_ends AS e ON e.delivery = d.delivery
WHERE d.sha256 = :sha256;

-- name: list_refusals_of_release
-- Refusals of a release from one page.
SELECT seq, at, actor, page, filename, sha256, rule FROM refusals
WHERE page = :page AND version = :version;

-- name: list_refusals_of_sha256
-- Refusals of a file from anywhere.
SELECT seq, at, actor, page, filename, sha256, rule FROM refusals
WHERE sha256 = :sha256 AND sha256 <> '';

-- name: list_watches
-- All spans of watching.
SELECT collector, first_at, last_at, period_seconds, stopped FROM watches ORDER BY first_seq;

-- name: list_assets
-- Everybody known by token or by having asked.
SELECT actor FROM assets ORDER BY first_seq;

-- name: knows_doors
-- Whether anything of a door is known: one row.
SELECT EXISTS (SELECT 1 FROM watches) OR EXISTS (SELECT 1 FROM assets);

-- name: count_unreadable
-- Entries that could not be read.
SELECT count(*) FROM unreadable_entries;

-- name: has_view
-- Whether a view has been recorded completely.
SELECT 1 FROM views AS v JOIN pages AS p ON p.page = v.page
WHERE p.project = :project AND p.index_name = :index_name AND v.view = :view
  AND v.complete_at IS NOT NULL;

-- name: find_block
-- What a block id stands for: its newest line, and when it was first shown.
SELECT p.index_name, p.project, l.filename, l.sha256, l.outcome, l.rule, l.until, l.block,
  v.at, l.seq, f.at, f.seq
FROM view_lines AS l JOIN views AS v ON v.recording = l.recording
JOIN pages AS p ON p.page = l.page
JOIN (SELECT w.at, m.seq FROM view_lines AS m JOIN views AS w ON w.recording = m.recording
  WHERE m.block = :block AND m.block <> '' ORDER BY m.recording LIMIT 1) AS f ON 1 = 1
WHERE l.block = :block AND l.block <> '' ORDER BY l.recording DESC LIMIT 1;

-- name: find_refused_block
-- The newest refusal that carries a block id.
SELECT r.seq, r.at, r.actor, p.index_name, p.project, r.filename, r.sha256, r.door, r.outcome,
  r.rule, r.reason, r.until, r.block, r.agent
FROM refusals AS r JOIN pages AS p ON p.page = r.page
WHERE r.block = :block AND r.block <> '' ORDER BY r.seq DESC LIMIT 1;

-- name: list_recent_blocks
-- Block ids shown last.
SELECT block, max(seq) AS newest FROM view_lines WHERE block <> ''
AND seq > (SELECT coalesce(max(seq), 0) FROM view_lines WHERE block <> '') - :span
GROUP BY block ORDER BY newest DESC LIMIT :count;

-- name: list_recent_refusals
-- Refusals, newest first.
SELECT r.seq, r.at, r.actor, p.index_name, p.project, r.filename, r.sha256, r.door, r.outcome,
  r.rule, r.reason, r.until, r.block, r.agent
FROM refusals AS r JOIN pages AS p ON p.page = r.page ORDER BY r.seq DESC LIMIT :count;

-- name: list_recent_events
-- Events of a kind, newest first.
SELECT seq, at, kind, subject, actor, body FROM events
WHERE kind = :kind ORDER BY seq DESC LIMIT :count;

-- name: list_events
-- All events of a kind, oldest first.
SELECT seq, at, kind, subject, actor, body FROM events WHERE kind = :kind ORDER BY seq;

-- name: list_known_files
-- Files of a release that stood on a page with a hash.
SELECT DISTINCT filename, sha256 FROM view_lines
WHERE page = :page AND version = :version AND sha256 <> '';
