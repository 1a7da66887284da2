-- name: add_content_facts
-- Keep facts of a content; the first ones stay.
INSERT INTO content_facts (engine, sha256, language, facts)
VALUES (:engine, :sha256, :language, :facts)
ON CONFLICT (engine, sha256, language) DO NOTHING;

-- name: add_release_facts
-- Keep facts of a release file; the first ones stay.
INSERT INTO release_facts (engine, sha256, facts) VALUES (:engine, :sha256, :facts)
ON CONFLICT (engine, sha256) DO NOTHING;

-- name: find_release_facts
-- Facts of a release file.
SELECT facts FROM release_facts WHERE engine = :engine AND sha256 = :sha256;

-- name: purge_content_facts
-- Remove some facts that another engine made.
DELETE FROM content_facts WHERE (engine, sha256, language) IN (
  SELECT engine, sha256, language FROM content_facts
  WHERE engine NOT IN (:engine, :thorough) LIMIT :count)
RETURNING 1;

-- name: purge_release_facts
-- Remove some facts of release files that another engine made.
DELETE FROM release_facts WHERE (engine, sha256) IN (
  SELECT engine, sha256 FROM release_facts
  WHERE engine NOT IN (:engine, :thorough) LIMIT :count)
RETURNING 1;

-- name: set_report
-- Keep a report; a later one of the same question takes its place.
INSERT INTO vetting_reports
  (sha256, engine, base_sha256, weights, verdict, score, vetted_at, report)
VALUES (:sha256, :engine, :base_sha256, :weights, :verdict, :score, :vetted_at, :report)
ON CONFLICT (sha256, engine, base_sha256, weights) DO UPDATE SET
  verdict = excluded.verdict, score = excluded.score, vetted_at = excluded.vetted_at,
  report = excluded.report;

-- name: find_report
-- The report of one question.
SELECT sha256, engine, base_sha256, weights, vetted_at, report FROM vetting_reports
WHERE sha256 = :sha256 AND engine = :engine AND base_sha256 = :base_sha256 AND weights = :weights;

-- name: list_reports
-- Every report of a file, newest first.
SELECT sha256, engine, base_sha256, weights, vetted_at, report FROM vetting_reports
WHERE sha256 = :sha256 ORDER BY vetted_at DESC, engine DESC, base_sha256, weights;

-- name: purge_reports
-- Remove some old reports of files that have a newer one.
DELETE FROM vetting_reports WHERE (sha256, engine, base_sha256, weights) IN (
  SELECT old.sha256, old.engine, old.base_sha256, old.weights FROM vetting_reports AS old
  WHERE old.vetted_at < :before AND EXISTS (
    SELECT 1 FROM vetting_reports AS newer
    WHERE newer.sha256 = old.sha256 AND newer.vetted_at > old.vetted_at)
  LIMIT :count)
RETURNING 1;

-- name: approve_file
-- A file may be what its project's next release is compared with.
INSERT INTO approved_files (project, sha256, filename, approved_at)
VALUES (:project, :sha256, :filename, :approved_at)
ON CONFLICT (project, sha256) DO NOTHING;

-- name: disapprove_file
-- A file may not be that any more.
DELETE FROM approved_files WHERE sha256 = :sha256 RETURNING 1;

-- name: list_approved_files
-- What a project's releases may be compared with.
SELECT sha256, filename, approved_at FROM approved_files WHERE project = :project
ORDER BY approved_at, sha256;

-- name: find_content_facts
-- Facts of these contents, in whatever languages they were read, thorough ones last.
SELECT sha256, language, facts FROM content_facts
WHERE engine IN (:engine, :thorough) AND sha256 {{among :digests text}}
ORDER BY engine;

-- name: find_verdict_reports
-- Verdicts that an engine gave these files, with every base and weights.
SELECT sha256, base_sha256, weights, verdict FROM vetting_reports
WHERE sha256 {{among :digests text}} AND engine = :engine;
