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
