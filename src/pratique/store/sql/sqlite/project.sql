-- name: find_last_sessions
-- The newest session of each of these (page, view, actor).
SELECT s.page, s.view, s.actor, s.first_seq, s.last_seq, s.first_at, s.last_at, s.answers,
  s.stale_answers, s.agents
FROM json_each(:keys) AS k
JOIN page_sessions AS s ON s.page = json_extract(k.value, '$[0]')
  AND s.view = json_extract(k.value, '$[1]') AND s.actor = json_extract(k.value, '$[2]')
WHERE s.first_seq = (SELECT max(n.first_seq) FROM page_sessions AS n
  WHERE n.page = s.page AND n.view = s.view AND n.actor = s.actor);

-- name: lock_projection
-- One projector at a time; SQLite's transaction is that already.
SELECT 1;
