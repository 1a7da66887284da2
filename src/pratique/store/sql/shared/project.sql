-- name: read_projection
-- How far the log has been applied, and which log.
SELECT applied, origin FROM projection;

-- name: set_projection
-- Note how far the log has been applied.
INSERT INTO projection (only_row, applied, origin) VALUES (1, :applied, :origin)
ON CONFLICT (only_row) DO UPDATE SET applied = excluded.applied, origin = excluded.origin;

-- name: find_page
-- Number of a project's page on an index view.
SELECT page FROM pages WHERE project = :project AND index_name = :index_name;

-- name: add_page
-- Number a page by the first entry that names it.
INSERT INTO pages (page, index_name, project) VALUES (:page, :index_name, :project);

-- name: find_recording
-- A recording of a view from a base.
SELECT recording, complete_at FROM views WHERE page = :page AND view = :view AND base = :base;

-- name: add_recording
-- Note the first entry of a recording.
INSERT INTO views (recording, page, view, base, at, complete_at)
VALUES (:recording, :page, :view, :base, :at, NULL);

-- name: complete_recording
-- Note the entry that completed a recording; the first one counts.
UPDATE views SET complete_at = :seq WHERE recording = :recording AND complete_at IS NULL;

-- name: add_view_line
-- One changed or removed file of a recording; a repeated part changes nothing.
INSERT INTO view_lines
  (recording, filename, page, version, sha256, outcome, rule, until, block, seq)
VALUES (:recording, :filename, :page, :version, :sha256, :outcome, :rule, :until, :block, :seq)
ON CONFLICT (recording, filename) DO NOTHING;

-- name: put_session
-- A new or longer session of page answers.
INSERT INTO page_sessions (page, view, actor, first_seq, last_seq, first_at, last_at, answers,
  stale_answers, agents)
VALUES (:page, :view, :actor, :first_seq, :last_seq, :first_at, :last_at, :answers,
  :stale_answers, :agents)
ON CONFLICT (page, view, actor, first_seq) DO UPDATE SET last_seq = excluded.last_seq,
  last_at = excluded.last_at, answers = excluded.answers,
  stale_answers = excluded.stale_answers, agents = excluded.agents;

-- name: add_delivery
-- A file, sidecar or attestation that was answered.
INSERT INTO deliveries (seq, at, actor, page, version, filename, sha256, door, outcome, rule, method,
  status, byte_range, agent, waiver, delivery)
VALUES (:seq, :at, :actor, :page, :version, :filename, :sha256, :door, :outcome, :rule, :method,
  :status, :byte_range, :agent, :waiver, :delivery);

-- name: add_delivery_end
-- How a delivery ended.
INSERT INTO delivery_ends (delivery, seq, at, bytes_sent, complete, error)
VALUES (:delivery, :seq, :at, :bytes_sent, :complete, :error)
ON CONFLICT (delivery) DO NOTHING;

-- name: add_refusal
-- A file, sidecar or attestation that was not answered.
INSERT INTO refusals (seq, at, actor, page, version, filename, sha256, door, outcome, rule, reason,
  until, block, method, agent)
VALUES (:seq, :at, :actor, :page, :version, :filename, :sha256, :door, :outcome, :rule, :reason,
  :until, :block, :method, :agent);

-- name: find_last_watch
-- The newest span of a collector.
SELECT first_seq, last_at, mode, period_seconds, stopped FROM watches
WHERE collector = :collector ORDER BY first_seq DESC LIMIT 1;

-- name: add_watch
-- A span of watching begins.
INSERT INTO watches (collector, first_seq, last_seq, first_at, last_at, node, mode, period_seconds,
  stopped)
VALUES (:collector, :seq, :seq, :at, :at, :node, :mode, :period_seconds, :stopped);

-- name: extend_watch
-- A span of watching goes on, or ends on purpose.
UPDATE watches SET last_seq = :seq, last_at = :at, stopped = :stopped
WHERE collector = :collector AND first_seq = :first_seq;

-- name: add_asset
-- Remember who exists.
INSERT INTO assets (actor, first_seq) VALUES (:actor, :seq) ON CONFLICT (actor) DO NOTHING;

-- name: add_event
-- Something for the console and for healing control state.
INSERT INTO events (seq, at, kind, subject, actor, body)
VALUES (:seq, :at, :kind, :subject, :actor, :body);

-- name: add_unreadable
-- An entry whose body was not as documented.
INSERT INTO unreadable_entries (seq, kind, why) VALUES (:seq, :kind, :why);

-- name: find_last_sessions
-- The newest session of each of these (page, view, actor).
SELECT s.page, s.view, s.actor, s.first_seq, s.last_seq, s.first_at, s.last_at, s.answers,
  s.stale_answers, s.agents
FROM {{rows k :keys}}
JOIN page_sessions AS s ON s.page = {{number k 0}}
  AND s.view = {{text k 1}} AND s.actor = {{text k 2}}
WHERE s.first_seq = (SELECT max(n.first_seq) FROM page_sessions AS n
  WHERE n.page = s.page AND n.view = s.view AND n.actor = s.actor);
