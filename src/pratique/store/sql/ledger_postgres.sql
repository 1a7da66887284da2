-- name: lock_ledger
-- Wait for whoever appends; held until the transaction ends.
SELECT pg_advisory_xact_lock(:key);

-- name: read_head
-- How far the log goes.
SELECT origin, verifier_key, size, frontier, checkpoint FROM ledger_head;

-- name: create_head
-- Begin an empty log.
INSERT INTO ledger_head (origin, verifier_key, size, frontier, checkpoint)
VALUES (:origin, :verifier_key, 0, '', :checkpoint);

-- name: add_entries
-- Add a batch behind the last entry.
INSERT INTO ledger_entries (sequence, leaf)
SELECT :first + place - 1, leaf FROM unnest(CAST(:leaves AS bytea[])) WITH ORDINALITY AS batch (leaf, place);

-- name: extend_tile
-- Add hashes at a place in a tile, leaving those before it.
INSERT INTO ledger_tiles (level, tile, hashes) VALUES (:level, :tile, :hashes)
ON CONFLICT (level, tile) DO UPDATE
SET hashes = substring(ledger_tiles.hashes FROM 1 FOR :start) || excluded.hashes;

-- name: move_head
-- Publish a batch with its checkpoint; gives a row only when the log is where we saw it.
UPDATE ledger_head SET size = :size, frontier = :frontier, checkpoint = :checkpoint
WHERE size = :before RETURNING size;

-- name: read_leaves
-- A stretch of entries in order.
SELECT sequence, leaf FROM ledger_entries WHERE sequence >= :start AND sequence < :end_
ORDER BY sequence;

-- name: read_tile
-- The hashes of one tile.
SELECT hashes FROM ledger_tiles WHERE level = :level AND tile = :tile;

-- name: drop_tiles
-- Forget all tiles, to make them again.
DELETE FROM ledger_tiles;

-- name: count_beyond
-- Entries and tiles that the head knows nothing of.
SELECT (SELECT count(*) FROM ledger_entries WHERE sequence >= :size),
  (SELECT count(*) FROM ledger_tiles WHERE (tile * 256) << (8 * level) >= :size);
