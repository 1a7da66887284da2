-- name: find_dataset
-- One dataset, shredded or not.
SELECT name, client, classification, purposes, residency, sealed, seal_key, created_at, shredded_at,
  version
FROM datasets WHERE name = :name;

-- name: list_datasets
-- All datasets.
SELECT name, client, classification, purposes, residency, sealed, seal_key, created_at, shredded_at,
  version
FROM datasets ORDER BY name;

-- name: add_dataset
-- Store a dataset; gives a row only if its name was free.
INSERT INTO datasets (name, client, classification, purposes, residency, sealed, seal_key, created_at,
  shredded_at, version)
VALUES (:name, :client, :classification, :purposes, :residency, :sealed, :seal_key, :created_at,
  :shredded_at, :version)
ON CONFLICT (name) DO NOTHING RETURNING name;

-- name: shred_dataset
-- Note that a dataset's key is gone; the first time counts.
UPDATE datasets SET shredded_at = :at WHERE name = :name AND shredded_at IS NULL;

-- name: revise_dataset
-- Lock a living dataset for a change of its objects; gives the number of its newest version.
UPDATE datasets SET revision = revision + 1 WHERE name = :name AND shredded_at IS NULL
RETURNING version;

-- name: read_revision
-- How often the objects of a dataset have changed.
SELECT revision FROM datasets WHERE name = :name;

-- name: raise_version
-- Take the next number of a version; gives the revision that it fixes, if the number was next.
UPDATE datasets SET version = :number
WHERE name = :name AND version = :number - 1 AND shredded_at IS NULL RETURNING revision;

-- name: add_version
-- Store a version.
INSERT INTO dataset_versions (dataset, number, root, objects, bytes, sealed_at)
VALUES (:dataset, :number, :root, :objects, :bytes, :sealed_at);

-- name: list_versions
-- All versions of a dataset, oldest first.
SELECT dataset, number, root, objects, bytes, sealed_at
FROM dataset_versions WHERE dataset = :dataset ORDER BY number;

-- name: find_object
-- What stands at a key of a living dataset.
SELECT o.id, o.dataset, o.key, o.size, o.sha256, o.media_type, o.metadata, o.wrapped_key, o.created_at,
  o.by_lease
FROM objects o JOIN datasets d ON d.name = o.dataset
WHERE o.dataset = :dataset AND o.key = :key AND o.until_version IS NULL AND d.shredded_at IS NULL;

-- name: find_object_by_id
-- What an id meant, standing or not.
SELECT id, dataset, key, size, sha256, media_type, metadata, wrapped_key, created_at, by_lease
FROM objects WHERE id = :id;

-- name: list_version_objects
-- Objects of a version behind a key, by the bytes of their keys.
SELECT id, dataset, key, size, sha256, media_type, metadata, wrapped_key, created_at, by_lease
FROM objects
WHERE dataset = :dataset AND key >= :low AND from_version <= :number
  AND (until_version IS NULL OR until_version > :number)
ORDER BY key LIMIT :count;

-- name: list_kept_objects
-- Objects behind an id that stand or are in a version: those whose parts are needed.
SELECT id, dataset, key, size, sha256, media_type, metadata, wrapped_key, created_at, by_lease
FROM objects
WHERE dataset = :dataset AND id > :after AND (until_version IS NULL OR until_version > from_version)
ORDER BY id LIMIT :count;

-- name: sum_objects
-- How many objects stand in a dataset, and their bytes.
SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM objects
WHERE dataset = :dataset AND until_version IS NULL;

-- name: sum_kept_objects
-- Bytes of a dataset's objects that stand or are in a version.
SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM objects
WHERE dataset = :dataset AND (until_version IS NULL OR until_version > from_version);

-- name: end_object
-- What stands at a key stands there no more, from the next version on.
UPDATE objects SET until_version = :until_version, ended_at = :at
WHERE dataset = :dataset AND key = :key AND until_version IS NULL
RETURNING id, dataset, key, size, sha256, media_type, metadata, wrapped_key, created_at, by_lease;

-- name: add_object
-- Let an object stand at its key; gives a row only if its id was free.
INSERT INTO objects (id, dataset, key, size, sha256, media_type, metadata, wrapped_key, created_at,
  by_lease, from_version)
VALUES (:id, :dataset, :key, :size, :sha256, :media_type, :metadata, :wrapped_key, :created_at,
  :by_lease, :from_version)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: add_upload
-- Remember an upload.
INSERT INTO uploads (id, dataset, key, lease, object, media_type, metadata, wrapped_key, begun_at)
VALUES (:id, :dataset, :key, :lease, :object, :media_type, :metadata, :wrapped_key, :begun_at);

-- name: find_upload
-- An upload that has not ended.
SELECT id, dataset, key, lease, object, media_type, metadata, wrapped_key, begun_at
FROM uploads WHERE id = :id;

-- name: list_uploads
-- Uploads into a dataset, oldest first.
SELECT id, dataset, key, lease, object, media_type, metadata, wrapped_key, begun_at
FROM uploads WHERE dataset = :dataset ORDER BY begun_at, id;

-- name: end_upload
-- Forget an upload.
DELETE FROM uploads WHERE id = :id;

-- name: read_custody_epoch
-- The number that every change of the tree of scopes raises.
SELECT value FROM custody_epoch;

-- name: raise_custody_epoch
-- Raise it; whoever does holds it until commit, so that numbers follow the order of commits.
UPDATE custody_epoch SET value = value + 1 RETURNING value;

-- name: add_lease
-- Store a lease; gives a row only if its id was free.
INSERT INTO leases (id, holder, vendor, project, client, purpose, selectors, verbs, copy, rate, networks,
  granted_at, not_before, not_after, granted_by, certificate)
VALUES (:id, :holder, :vendor, :project, :client, :purpose, :selectors, :verbs, :copy, :rate, :networks,
  :granted_at, :not_before, :not_after, :granted_by, :certificate)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: find_lease
-- A lease with its budget.
SELECT l.id, l.holder, l.vendor, l.project, l.client, l.purpose, l.selectors, l.verbs, l.copy,
  s.cap_bytes, s.cap_objects, l.rate, l.networks, l.granted_at, l.not_before, l.not_after,
  l.granted_by, l.certificate
FROM leases l JOIN scopes s ON s.id = 'lease:' || l.id WHERE l.id = :id;

-- name: list_leases
-- All leases with their budgets, oldest first.
SELECT l.id, l.holder, l.vendor, l.project, l.client, l.purpose, l.selectors, l.verbs, l.copy,
  s.cap_bytes, s.cap_objects, l.rate, l.networks, l.granted_at, l.not_before, l.not_after,
  l.granted_by, l.certificate
FROM leases l JOIN scopes s ON s.id = 'lease:' || l.id ORDER BY l.granted_at, l.id;

-- name: set_certificate
-- Replace a lease's certificate, after its terms were certified anew.
UPDATE leases SET certificate = :certificate WHERE id = :id;

-- name: add_scope
-- Store a scope; gives a row only if it was new.
INSERT INTO scopes (id, level, state, reason, incident, cap_bytes, cap_objects, reserved_bytes,
  reserved_objects, changed_epoch, bucket_bytes, bucket_at, state_entry,
  caps_entry, unlogged)
VALUES (:id, :level, 'live', '', '', :cap_bytes, :cap_objects, 0, 0, 0, NULL, 0, -1, -1, 0)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: find_scope
-- One scope.
SELECT id, state, reason, incident, cap_bytes, cap_objects, reserved_bytes, reserved_objects,
  changed_epoch
FROM scopes WHERE id = :id;

-- name: find_scope_entries
-- The ledger entries that a scope's state and caps are of.
SELECT state_entry, caps_entry, state FROM scopes WHERE id = :id;

-- name: list_scopes
-- All scopes.
SELECT id, state, reason, incident, cap_bytes, cap_objects, reserved_bytes, reserved_objects,
  changed_epoch
FROM scopes ORDER BY id;

-- name: list_changed_scopes
-- Scopes that changed after an epoch.
SELECT id, state, reason, incident, cap_bytes, cap_objects, reserved_bytes, reserved_objects,
  changed_epoch
FROM scopes WHERE changed_epoch > :after ORDER BY changed_epoch, id;

-- name: list_unlogged_scopes
-- Scopes that a rule suspended and that the ledger may not know of.
SELECT id, state, reason, incident, cap_bytes, cap_objects, reserved_bytes, reserved_objects,
  changed_epoch
FROM scopes WHERE unlogged = 1 ORDER BY id;

-- name: set_scope_state
-- Suspend, resume or end, unless it has ended or a later entry is in force; gives a row if it did.
UPDATE scopes SET state = :state, reason = :reason, incident = :incident, unlogged = :unlogged,
  state_entry = CASE WHEN :entry < 0 THEN state_entry ELSE :entry END
WHERE id = :id AND state <> 'ended' AND (:entry < 0 OR state_entry < :entry) RETURNING id;

-- name: set_scope_caps
-- Replace both caps, unless a later entry is in force; gives a row if it did.
UPDATE scopes SET cap_bytes = :cap_bytes, cap_objects = :cap_objects,
  caps_entry = CASE WHEN :entry < 0 THEN caps_entry ELSE :entry END
WHERE id = :id AND (:entry < 0 OR caps_entry < :entry) RETURNING id;

-- name: mark_scope_changed
-- Note the epoch of a change that was made in this transaction.
UPDATE scopes SET changed_epoch = :epoch WHERE id = :id;

-- name: mark_scope_logged
-- The ledger has the entry of a rule's suspension.
UPDATE scopes SET unlogged = 0, state_entry = :entry WHERE id = :id AND unlogged = 1
  AND changed_epoch = :epoch;

-- name: keep_tokens
-- What is left in a lease's bucket, and as of when.
UPDATE scopes SET bucket_bytes = :bucket_bytes, bucket_at = :bucket_at WHERE id = :id;

-- name: add_slab
-- Hand out a slab.
INSERT INTO slabs (lease, scopes, bytes, objects, hour)
VALUES (:lease, :scopes, :bytes, :objects, :hour) RETURNING id;

-- name: end_slab
-- Take a slab back; gives a row only the first time.
DELETE FROM slabs WHERE id = :id AND lease = :lease RETURNING scopes, bytes, objects, hour;

-- name: sum_slabs
-- What processes hold, or died with, of each lease.
SELECT lease, CAST(SUM(bytes) AS BIGINT) FROM slabs GROUP BY lease;

-- name: read_hour
-- What was handed out under a scope in an hour.
SELECT bytes FROM scope_hours WHERE scope = :scope AND hour = :hour;

-- name: list_hours
-- What was handed out under a scope in each hour of a span.
SELECT bytes FROM scope_hours
WHERE scope = :scope AND hour >= :first AND hour < :before AND bytes > 0;

-- name: add_to_hour
-- Count what was handed out.
INSERT INTO scope_hours (scope, hour, bytes) VALUES (:scope, :hour, :bytes)
ON CONFLICT (scope, hour) DO UPDATE SET bytes = scope_hours.bytes + excluded.bytes;

-- name: take_from_hour
-- Count what came back.
UPDATE scope_hours SET bytes = CASE WHEN bytes > :bytes THEN bytes - :bytes ELSE 0 END
WHERE scope = :scope AND hour = :hour;

-- name: drop_hours
-- Forget hours that no rule looks at any more.
DELETE FROM scope_hours WHERE scope = :scope AND hour < :before;

-- name: add_empty_coverage
-- Make sure that there is a bitmap.
INSERT INTO coverage (lease, object, bitmap) VALUES (:lease, :object, :bitmap)
ON CONFLICT (lease, object) DO NOTHING;

-- name: set_coverage
-- Replace a bitmap.
UPDATE coverage SET bitmap = :bitmap WHERE lease = :lease AND object = :object;

-- name: list_lease_coverage
-- Every object that a lease has paid for anything of.
SELECT object, bitmap FROM coverage WHERE lease = :lease ORDER BY object;

-- name: add_budget_request
-- Store a request for a larger budget.
INSERT INTO budget_requests (id, lease, budget_bytes, budget_objects, reason, asked_by, asked_at, state,
  decided_by, asked_token)
VALUES (:id, :lease, :budget_bytes, :budget_objects, :reason, :asked_by, :asked_at, 'asked', '',
  :asked_token)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: list_budget_requests
-- All requests, oldest first.
SELECT id, lease, budget_bytes, budget_objects, reason, asked_by, asked_at, state, decided_by, decided_at,
  asked_token
FROM budget_requests ORDER BY asked_at, id;

-- name: decide_budget_request
-- Approve or decline; gives a row only if it was open.
UPDATE budget_requests SET state = :state, decided_by = :decided_by, decided_at = :decided_at
WHERE id = :id AND state = 'asked' RETURNING id;

-- name: charge_scopes
-- Take from all of these, as far as their caps and states let; gives those that could.
UPDATE scopes SET reserved_bytes = reserved_bytes + :bytes,
  reserved_objects = reserved_objects + :objects
WHERE id {{among :ids text}} AND state = 'live'
  AND (cap_bytes IS NULL OR reserved_bytes + :bytes <= cap_bytes)
  AND (cap_objects IS NULL OR reserved_objects + :objects <= cap_objects)
RETURNING id;

-- name: refund_scopes
-- Give back to all of these.
UPDATE scopes SET reserved_bytes = reserved_bytes - :bytes,
  reserved_objects = reserved_objects - :objects
WHERE id {{among :ids text}};

-- name: list_coverage
-- Bitmaps of a lease for these objects.
SELECT object, bitmap FROM coverage WHERE lease = :lease AND object {{among :objects text}};

-- name: lock_upload
-- Hold an upload that has not ended for a change; gives a row if it is there.
UPDATE uploads SET begun_at = begun_at WHERE id = :id RETURNING id;

-- name: find_upload_claim
-- Who completes an upload now.
SELECT claim FROM upload_claims WHERE upload = :upload AND until > :now;

-- name: put_upload_claim
-- Take or keep the right to complete an upload, unless another has it.
INSERT INTO upload_claims (upload, claim, until) VALUES (:upload, :claim, :until)
ON CONFLICT (upload) DO UPDATE SET claim = excluded.claim, until = excluded.until
WHERE upload_claims.claim = excluded.claim OR upload_claims.until <= :now
RETURNING upload;

-- name: drop_upload_claim
-- Nobody completes it any more.
DELETE FROM upload_claims WHERE upload = :upload;

-- name: take_upload_part
-- Take away a part that is sent again.
DELETE FROM upload_parts WHERE upload = :upload AND number = :number
RETURNING upload, number, stage, size, sha256, checksum, sent_at;

-- name: add_upload_part
-- A part has arrived.
INSERT INTO upload_parts (upload, number, stage, size, sha256, checksum, sent_at)
VALUES (:upload, :number, :stage, :size, :sha256, :checksum, :sent_at);

-- name: list_upload_parts
-- Parts of an upload behind a number, in their order.
SELECT upload, number, stage, size, sha256, checksum, sent_at
FROM upload_parts WHERE upload = :upload AND number > :after ORDER BY number LIMIT :count;

-- name: drop_upload_parts
-- Its parts are deleted where they lay.
DELETE FROM upload_parts WHERE upload = :upload;

-- name: add_upload_end
-- What became of an upload; an empty object: nothing.
INSERT INTO upload_ends (upload, object, ended_at) VALUES (:upload, :object, :ended_at)
ON CONFLICT (upload) DO NOTHING;

-- name: find_upload_end
-- What an upload became.
SELECT object FROM upload_ends WHERE upload = :upload;

-- name: list_old_uploads
-- Uploads that began before an instant, and that nobody completes now.
SELECT u.id FROM uploads u LEFT JOIN upload_claims c ON c.upload = u.id AND c.until > :now
WHERE u.begun_at < :before AND c.upload IS NULL ORDER BY u.begun_at LIMIT 100;

-- name: list_ended_with_parts
-- Uploads that ended and whose parts still lie there.
SELECT DISTINCT e.upload FROM upload_ends e JOIN upload_parts p ON p.upload = e.upload LIMIT 100;

-- name: forget_upload_ends
-- Answers to completions that nobody asks for again.
DELETE FROM upload_ends WHERE ended_at < :before
  AND NOT EXISTS (SELECT 1 FROM upload_parts p WHERE p.upload = upload_ends.upload);

-- name: list_stages
-- Names under which parts of uploads lie.
SELECT stage FROM upload_parts;

-- name: put_role
-- Store a role under a name that is free.
INSERT INTO roles (name, certificate, issuer, conditions, lease_seconds, holder_bytes, holder_objects,
  added_by, added_at)
VALUES (:name, :certificate, :issuer, :conditions, :lease_seconds, :holder_bytes, :holder_objects,
  :added_by, :added_at)
ON CONFLICT (name) DO NOTHING RETURNING name;

-- name: find_role
-- One role.
SELECT name, certificate, issuer, conditions, lease_seconds, holder_bytes, holder_objects, added_by,
  added_at
FROM roles WHERE name = :name;

-- name: list_roles
-- All roles.
SELECT name, certificate, issuer, conditions, lease_seconds, holder_bytes, holder_objects, added_by,
  added_at
FROM roles;

-- name: remove_role
-- Nobody gets leases under it any more.
DELETE FROM roles WHERE name = :name RETURNING name;

-- name: name_holder
-- Give a person or job a pseudonym, if it has none.
INSERT INTO pseudonyms (issuer, subject, holder, seen_at)
VALUES (:issuer, :subject, :holder, :seen_at)
ON CONFLICT (issuer, subject) DO UPDATE SET seen_at = excluded.seen_at
RETURNING holder;

-- name: read_key_floor
-- Below which generation of a dataset's key nothing new is stored; no row: none was rotated.
SELECT generation FROM key_floors WHERE dataset = :dataset;

-- name: hold_dataset
-- Lock a dataset; who stores something in it waits, and sees what this transaction changes.
UPDATE datasets SET revision = revision WHERE name = :name RETURNING name;

-- name: raise_key_floor
-- Take nothing any more that is wrapped under older keys.
INSERT INTO key_floors (dataset, generation) VALUES (:dataset, :generation)
ON CONFLICT (dataset) DO UPDATE SET generation = excluded.generation
WHERE key_floors.generation < excluded.generation;

-- name: rewrap_object
-- Replace an object's wrapped key by the same key under a newer one.
UPDATE objects SET wrapped_key = :new WHERE id = :id AND wrapped_key = :old;

-- name: rewrap_mark_run
-- The same, of an index of marks.
UPDATE mark_runs SET wrapped_key = :new
WHERE dataset = :dataset AND number = :number AND wrapped_key = :old;

-- name: rewrap_upload
-- The same, of an upload in parts.
UPDATE uploads SET wrapped_key = :new WHERE id = :id AND wrapped_key = :old;

-- name: add_scope_writes
-- Begin to count what is stored under a scope.
INSERT INTO scope_writes (scope, bytes, objects) VALUES (:scope, 0, 0) ON CONFLICT (scope) DO NOTHING;

-- name: lock_scope_writes
-- What was stored under a scope, held for a change, with the scope's caps.
UPDATE scope_writes SET bytes = bytes WHERE scope = :scope
RETURNING bytes, objects, (SELECT cap_bytes FROM scopes WHERE id = scope),
  (SELECT cap_objects FROM scopes WHERE id = scope);

-- name: count_scope_writes
-- Count what is about to be stored, or with negative numbers what was not; never below nothing.
UPDATE scope_writes SET
  bytes = CASE WHEN bytes + :bytes < 0 THEN 0 ELSE bytes + :bytes END,
  objects = CASE WHEN objects + :objects < 0 THEN 0 ELSE objects + :objects END
WHERE scope = :scope;

-- name: find_scope_writes
-- What was stored under a scope.
SELECT bytes, objects FROM scope_writes WHERE scope = :scope;
