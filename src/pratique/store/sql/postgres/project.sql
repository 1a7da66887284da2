-- name: find_last_sessions
-- The newest session of each of these (page, view, actor).
SELECT s.page, s.view, s.actor, s.first_seq, s.last_seq, s.first_at, s.last_at, s.answers,
  s.stale_answers, s.agents
FROM json_array_elements(CAST(:keys AS json)) AS k
JOIN page_sessions AS s ON s.page = CAST(k->>0 AS bigint) AND s.view = k->>1 AND s.actor = k->>2
WHERE s.first_seq = (SELECT max(n.first_seq) FROM page_sessions AS n
  WHERE n.page = s.page AND n.view = s.view AND n.actor = s.actor);

-- name: lock_projection
-- One projector at a time, until its transaction ends.
SELECT pg_advisory_xact_lock(1886544244);
