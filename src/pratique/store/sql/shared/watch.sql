-- name: list_assets_looked_since
-- Assets with a look since a ledger size.
SELECT DISTINCT p.asset FROM looks AS l JOIN places AS p ON p.place = l.place
WHERE l.entry >= :since;

-- name: list_assets_after
-- Assets that became known after one with this number, and all that were packed runs once.
SELECT asset FROM inventory_assets WHERE asset > :last AND asset < :packed
UNION ALL SELECT asset FROM inventory_assets WHERE asset >= :packed;

-- name: list_assets_doubled_since
-- Assets whose name a second machine used since a ledger size.
SELECT asset FROM name_conflicts WHERE entry >= :since;

-- name: list_run_prefixes
-- How names of packed runs begin.
SELECT run_asset, prefix FROM run_assets;

-- name: list_run_place_kinds
-- Sorts of places at which runs are packed.
SELECT DISTINCT kind FROM run_places;
