-- name: list_extent_entities
-- Every entity, for the book of extent.
SELECT entity, name FROM entities ORDER BY entity;

-- name: list_extent_identities
-- Every identity that was seen at a place.
SELECT identity, kind, name, local FROM identities;

-- name: list_extent_assets
-- Every asset with a row of its own, how many looks count there, and whether any shares contents.
SELECT a.asset, a.name, coalesce(sum(p.looks), 0), coalesce(max(p.lineage), 0)
FROM inventory_assets AS a LEFT JOIN places AS p ON p.asset = a.asset
WHERE a.asset < :packed
GROUP BY a.asset, a.name ORDER BY a.asset;

-- name: list_extent_holdings
-- What some assets count as holding at a ledger size, at places with contents of their own.
SELECT asset, identity, from_lo, to_hi
FROM holdings
WHERE asset >= :first AND asset <= :last AND tx_from < :tx AND tx_to >= :tx
ORDER BY asset;

-- name: list_extent_edges
-- Every fact of a relation that counts at a ledger size.
SELECT subject, object, from_lo, to_hi
FROM edges
WHERE relation = :relation AND entry < :tx AND tx_to >= :tx
ORDER BY subject;

-- name: find_extent_change
-- Whether any fact that the book of extent rests on came or went since a ledger size.
SELECT 1 FROM edges
WHERE entry >= :since AND relation IN ('holds', 'opens', 'belongs-to', 'operated-by')
UNION ALL
SELECT 1 FROM edges
WHERE tx_to >= :since AND tx_to <> 9007199254740991
  AND relation IN ('holds', 'opens', 'belongs-to', 'operated-by')
LIMIT 1;
