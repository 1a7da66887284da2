-- name: list_inventory_assets
-- Every asset of which anything is known.
SELECT a.asset, a.name, s.kind, s.since
FROM inventory_assets AS a JOIN asset_states AS s ON s.asset = a.asset
WHERE s.since <> 253402300799000000 AND s.tx_from = (SELECT max(n.tx_from) FROM asset_states AS n
  WHERE n.asset = a.asset AND n.tx_from < :tx);

-- name: list_conflicts
-- Machines that share an asset's name, each with its first look.
SELECT c.asset, p.machine, min(l.entry)
FROM name_conflicts AS c JOIN places AS p ON p.asset = c.asset JOIN looks AS l ON l.place = p.place
WHERE p.machine <> '' AND l.entry < :tx AND l.tx_to >= :tx
GROUP BY c.asset, p.machine ORDER BY c.asset, 3;

-- name: list_all_holds
-- Every identity that was held, by places with contents of their own.
SELECT {{holding h}}
FROM holdings AS h
  JOIN inventory_assets AS a ON a.asset = h.asset
  JOIN identities AS n ON n.identity = h.identity
WHERE {{counts h}} AND {{meets h}};

-- name: list_edges_of
-- Every fact of a relation.
SELECT {{edge}}
FROM edges AS e JOIN entities AS s ON s.entity = e.subject
  JOIN entities AS o ON o.entity = e.object
WHERE e.relation = :relation AND e.entry < :tx AND e.tx_to >= :tx;

-- name: count_unreadable_below
-- Entries below a ledger size that could not be read.
SELECT count(*) FROM unreadable_entries WHERE seq < :tx;

-- name: find_last_content
-- The content that was last seen at a place, whichever machine's.
SELECT l.content, c.name
FROM inventory_assets AS a JOIN places AS p ON p.asset = a.asset
  JOIN looks AS l ON l.place = p.place JOIN contents AS c ON c.content = l.content
WHERE a.name = :asset AND p.kind = :kind AND p.locator = :locator AND p.lineage = 0
  AND l.tx_to = 9007199254740991
ORDER BY l.at_hi DESC, l.at_lo DESC, l.entry DESC LIMIT 1;

-- name: find_last_lineage_content
-- The newest content of a lineage.
SELECT l.content, c.name
FROM lineages AS l JOIN contents AS c ON c.content = l.content WHERE l.hash = :hash;

-- name: list_all_run_blocks
-- Every block, by name.
SELECT r.series, r.run_asset, b.body
FROM run_places AS r JOIN run_blocks AS b ON b.series = r.series
WHERE b.entry_min < :tx ORDER BY r.run_asset;

-- name: list_run_blocks_of
-- Blocks that may hold runs of a name.
SELECT r.series, r.run_asset, b.body
FROM run_places AS r JOIN run_blocks AS b ON b.series = r.series
WHERE r.run_asset = :run_asset
  AND b.number_min <= :most AND b.number_max >= :least AND b.entry_min < :tx;

-- name: list_run_blocks_since
-- Blocks that hold later runs.
SELECT r.series, r.run_asset, b.body
FROM run_blocks AS b JOIN run_places AS r ON r.series = b.series
WHERE b.entry_max > :after AND b.entry_min < :tx;

-- name: list_run_holds
-- Blocks that may hold runs of a name, with the identities that they held.
SELECT a.prefix, n.kind, n.name, n.local, n.locator, r.series, r.run_asset, b.body
FROM run_places AS r
  JOIN run_blocks AS b ON b.series = r.series
  JOIN lineage_identities AS c ON c.lineage = r.lineage AND {{in_content b c}}
  JOIN identities AS n ON n.identity = c.identity
  JOIN run_assets AS a ON a.run_asset = r.run_asset
WHERE r.run_asset = :run_asset
  AND b.number_min <= :most AND b.number_max >= :least AND b.entry_min < :tx;

-- name: list_all_run_holds
-- Every block with the identities that its runs held.
SELECT a.prefix, n.kind, n.name, n.local, n.locator, r.series, r.run_asset, b.body
FROM lineage_identities AS c
  JOIN identities AS n ON n.identity = c.identity
  JOIN run_places AS r ON r.lineage = c.lineage
  JOIN run_blocks AS b ON b.series = r.series AND {{in_content b c}}
  JOIN run_assets AS a ON a.run_asset = r.run_asset
WHERE b.entry_min < :tx;
