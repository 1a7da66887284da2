-- name: list_assets_looked_since
-- Assets with a look since a ledger size.
SELECT DISTINCT p.asset FROM looks AS l JOIN places AS p ON p.place = l.place
WHERE l.entry >= :since;

-- name: list_assets_after
-- Assets that became known after one with this number.
SELECT asset FROM inventory_assets WHERE asset > :last;

-- name: list_assets_doubled_since
-- Assets whose name a second machine used since a ledger size.
SELECT asset FROM name_conflicts WHERE entry >= :since;
