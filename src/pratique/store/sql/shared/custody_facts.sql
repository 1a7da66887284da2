-- name: add_custody_owner
-- Whose a dataset is; the first who said so counts.
INSERT INTO custody_owners (dataset, client) VALUES (:dataset, :client)
ON CONFLICT (dataset) DO NOTHING;

-- name: find_custody_owner
-- Whose a dataset is.
SELECT client FROM custody_owners WHERE dataset = :dataset;

-- name: list_custody_owners
-- Every dataset with its client.
SELECT dataset, client FROM custody_owners;

-- name: list_custody_clients
-- Every client that a lease was for.
SELECT DISTINCT client FROM custody_leases;

-- name: add_custody_lease
-- A lease's client, time, and what it opens.
INSERT INTO custody_leases (lease, entry, client, since, until, opens)
VALUES (:lease, :entry, :client, :since, :until, :opens)
ON CONFLICT (lease) DO NOTHING;

-- name: find_custody_lease
-- A lease's client, time, and what it opens.
SELECT client, since, until, opens FROM custody_leases WHERE lease = :lease;

-- name: add_custody_hang
-- A lease hangs in a scope, with one dataset or (empty) with all of its.
INSERT INTO custody_hangs (scope, lease, dataset, until) VALUES (:scope, :lease, :dataset, :until)
ON CONFLICT (scope, lease, dataset) DO NOTHING;

-- name: list_custody_hanging
-- Leases in a scope that have not expired, with the dataset that hangs there.
SELECT lease, dataset FROM custody_hangs WHERE scope = :scope AND until > :at ORDER BY lease, dataset;

-- name: list_custody_stops_of_lease
-- What stops a lease: the dataset that it stops, empty for all.
SELECT h.dataset FROM custody_hangs AS h JOIN custody_stops AS s ON s.scope = h.scope
WHERE h.lease = :lease;

-- name: set_custody_stop
-- A scope is stopped; one that has ended stays ended.
INSERT INTO custody_stops (scope, ended) VALUES (:scope, :ended)
ON CONFLICT (scope) DO UPDATE SET ended = CASE WHEN custody_stops.ended = 1 THEN 1
  ELSE excluded.ended END;

-- name: clear_custody_stop
-- A scope is live again, unless it has ended.
DELETE FROM custody_stops WHERE scope = :scope AND ended = 0;

-- name: list_custody_opens
-- What an identity opens from here on, as far as known: rows that a stop supersedes.
SELECT e.entry, e.number, o.name, e.from_lo, e.from_hi, e.note
FROM entities AS s
JOIN edges AS e ON e.relation = 'opens' AND e.subject = s.entity
JOIN entities AS o ON o.entity = e.object
WHERE s.name = :name AND e.to_hi = :until AND e.tx_to = 9007199254740991
ORDER BY o.name, e.entry, e.number;

-- name: supersede_edge
-- One fact no longer counts.
UPDATE edges SET tx_to = :seq
WHERE entry = :entry AND number = :number AND tx_to = 9007199254740991;

-- name: add_custody_object
-- An object that the ledger named; the first entry about it says its size.
INSERT INTO custody_objects (object, seq, dataset, size) VALUES (:object, :seq, :dataset, :size)
ON CONFLICT (object) DO NOTHING;

-- name: add_custody_entry
-- Whose an entry of custody is.
INSERT INTO custody_entries (seq, kind, client, lease, dataset, at)
VALUES (:seq, :kind, :client, :lease, :dataset, :at);

-- name: list_reads_of_client
-- Entries about reads of a client's data, or (with a name) of one dataset of it.
SELECT seq FROM custody_entries
WHERE client = :client AND kind IN ('reads', 'reads-ahead') AND seq < :tx AND at >= :since
  AND at < :until AND (:dataset = '' OR dataset = :dataset) ORDER BY seq;

-- name: list_reads_of_lease
-- Entries about reads under a lease.
SELECT seq FROM custody_entries
WHERE lease = :lease AND lease <> '' AND kind IN ('reads', 'reads-ahead') AND seq < :tx
  AND at >= :since AND at < :until ORDER BY seq;

-- name: list_custody_of_lease
-- Entries that grant, change or stop a lease.
SELECT seq FROM custody_entries
WHERE lease = :lease AND lease <> '' AND kind IN ('lease', 'lease-budget', 'scope') AND seq < :tx
ORDER BY seq;

-- name: list_reads_ended
-- Where processes of the door say that they ended, with all reads of a client.
SELECT seq FROM custody_entries WHERE client = :client AND kind = 'reads-ended' AND seq < :tx
ORDER BY seq;

-- name: list_custody_entries_of
-- Everything in the ledger that is a client's own.
SELECT seq, kind FROM custody_entries WHERE client = :client AND seq < :tx ORDER BY seq;

-- name: find_custody_object
-- The entry, dataset and size of an object.
SELECT seq, dataset, size FROM custody_objects WHERE object = :object;
