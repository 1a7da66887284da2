-- name: add_hold
-- Begin a hold; gives a row only if its id was free.
INSERT INTO holds (id, predicate, reason, incident, since, entries, entry, lifted_entry, changed_epoch)
VALUES (:id, :predicate, :reason, :incident, :since, :entries, :entry, NULL, :epoch)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: lift_hold
-- End a standing hold; gives a row only if it stood.
UPDATE holds SET lifted_entry = :entry
WHERE id = :id AND lifted_entry IS NULL RETURNING id;

-- name: mark_hold_changed
-- Note the epoch of a change that was made in this transaction.
UPDATE holds SET changed_epoch = :epoch WHERE id = :id;

-- name: find_hold
-- One hold, lifted or not.
SELECT id, predicate, reason, incident, since, lifted_entry, changed_epoch FROM holds WHERE id = :id;

-- name: list_standing_holds
-- Holds that are not lifted, oldest first.
SELECT id, predicate, reason, incident, since, lifted_entry, changed_epoch
FROM holds WHERE lifted_entry IS NULL ORDER BY since, id;

-- name: list_changed_holds
-- Holds that began or were lifted after an epoch.
SELECT id, predicate, reason, incident, since, lifted_entry, changed_epoch
FROM holds WHERE changed_epoch > :after ORDER BY changed_epoch, id;

-- name: list_unlogged_holds
-- Holds whose entries may not be in the ledger, with what those entries say.
SELECT id, entries FROM holds WHERE entry IS NULL ORDER BY since, id;

-- name: mark_hold_logged
-- The ledger has its entries, from this one on.
UPDATE holds SET entry = :entry WHERE id = :id AND entry IS NULL;

-- name: list_living_leases
-- Leases that have neither expired nor ended.
SELECT l.id, l.holder, l.vendor, l.project, l.client, l.purpose, l.selectors, l.verbs, l.copy,
  s.cap_bytes, s.cap_objects, l.rate, l.networks, l.granted_at, l.not_before, l.not_after,
  l.granted_by, l.certificate
FROM leases l JOIN scopes s ON s.id = 'lease:' || l.id
WHERE l.not_after > :now AND s.state <> 'ended' ORDER BY l.id;

-- name: list_living_terms
-- Of living leases that differ in nothing that holds look at the first, and how many there are.
SELECT l.id, l.holder, l.vendor, l.project, l.client, l.purpose, l.selectors, l.verbs, l.copy,
  s.cap_bytes, s.cap_objects, l.rate, l.networks, l.granted_at, l.not_before, l.not_after,
  l.granted_by, l.certificate, g.number
FROM (
  SELECT MIN(l.id) AS id, COUNT(*) AS number
  FROM leases l JOIN scopes s ON s.id = 'lease:' || l.id
  WHERE l.not_after > :now AND s.state <> 'ended'
  GROUP BY l.vendor, l.project, l.client, l.selectors, l.verbs, l.copy
) g JOIN leases l ON l.id = g.id JOIN scopes s ON s.id = 'lease:' || l.id ORDER BY l.id;
