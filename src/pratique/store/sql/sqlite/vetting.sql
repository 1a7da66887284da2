-- name: find_content_facts
-- Facts of these contents, in whatever languages they were read, thorough ones last.
SELECT sha256, language, facts FROM content_facts
WHERE engine IN (:engine, :thorough) AND sha256 IN (SELECT value FROM json_each(:digests))
ORDER BY engine;

-- name: find_verdict_reports
-- Verdicts that an engine gave these files, with every base and weights.
SELECT sha256, base_sha256, weights, verdict FROM vetting_reports
WHERE sha256 IN (SELECT value FROM json_each(:digests)) AND engine = :engine;
