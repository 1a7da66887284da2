-- name: ship_items
-- Items that an engine for large fleets lacks.
SELECT item, type, name, version, digest, filename, admits, entry FROM items WHERE entry >= :since;

-- name: ship_assets
-- Assets.
SELECT asset, name FROM inventory_assets;

-- name: ship_asset_states
-- States of assets.
SELECT asset, tx_from, kind, since FROM asset_states WHERE tx_from >= :since;

-- name: ship_places
-- Places.
SELECT p.place, p.asset, p.kind, p.locator, p.lineage, coalesce(l.name, ''), p.machine
FROM places AS p LEFT JOIN lineages AS l ON l.lineage = p.lineage;

-- name: ship_place_seen
-- When places were last seen.
SELECT place, tx_from, seen FROM place_seen WHERE tx_from >= :since;

-- name: ship_looks
-- Looks that came or were taken back.
SELECT l.place, l.entry, p.asset, l.event, l.at_lo, l.at_hi, l.ended, l.whole, l.gaps, l.gained,
  l.appeared, l.tx_to
FROM looks AS l JOIN places AS p ON p.place = l.place
WHERE l.entry >= :since OR (l.tx_to >= :since AND l.tx_to <> 9007199254740991);

-- name: ship_tallies
-- Totals after entries.
SELECT entry, facts, assets FROM tallies WHERE entry >= :since;

-- name: ship_unreadable
-- Entries that could not be read.
SELECT seq FROM unreadable_entries WHERE seq >= :since;

-- name: ship_details
-- Details of sightings.
SELECT detail, body FROM details;

-- name: ship_identities
-- Names of credentials.
SELECT identity, kind, name, local, locator FROM identities;

-- name: ship_lineage_items
-- Items of lineages' contents.
SELECT item, lineage, ord_from, sighting, ord_to, stage, since_lo, since_hi, detail
FROM lineage_items;

-- name: ship_lineage_identities
-- Identities of lineages' contents.
SELECT lineage, identity, ord_from, ord_to FROM lineage_identities;

-- name: ship_presence
-- Statements about items that came or were superseded.
SELECT item, from_lo, place, asset, stage, class, from_hi, to_lo, to_hi, tx_from, entry, detail, tx_to
FROM presence
WHERE tx_from >= :since OR (tx_to >= :since AND tx_to <> 9007199254740991);

-- name: ship_holdings
-- Statements about identities.
SELECT asset, identity, place, class, from_lo, from_hi, to_lo, to_hi, tx_from, entry, tx_to
FROM holdings
WHERE tx_from >= :since OR (tx_to >= :since AND tx_to <> 9007199254740991);

-- name: ship_occupancy
-- Statements about contents.
SELECT lineage, ord, from_lo, place, asset, class, from_hi, to_lo, to_hi, latest, tx_from, entry, tx_to
FROM occupancy
WHERE tx_from >= :since OR (tx_to >= :since AND tx_to <> 9007199254740991);

-- name: ship_edges
-- Facts between entities.
SELECT e.relation, s.name, o.name, e.number, e.from_lo, e.from_hi, e.to_lo, e.to_hi, e.class, e.entry,
  e.note, e.tx_to
FROM edges AS e JOIN entities AS s ON s.entity = e.subject JOIN entities AS o ON o.entity = e.object
WHERE e.entry >= :since OR (e.tx_to >= :since AND e.tx_to <> 9007199254740991);

-- name: ship_runs
-- Blocks of packed runs that have one with an entry of at least `since`.
SELECT b.ord, b.body, r.series, r.run_asset, r.kind, r.locator, r.lineage, l.name, a.prefix
FROM run_blocks AS b JOIN run_places AS r ON r.series = b.series
  JOIN run_assets AS a ON a.run_asset = r.run_asset JOIN lineages AS l ON l.lineage = r.lineage
WHERE b.entry_max >= :since;

-- name: ship_runs_again
-- Blocks that may hold other jobs of runs with these numbers.
SELECT b.body FROM run_blocks AS b JOIN run_places AS r ON r.series = b.series
WHERE r.run_asset = :run_asset AND b.number_max >= :least AND b.number_min <= :most;
