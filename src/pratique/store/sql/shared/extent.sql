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
-- Whether any fact that the book of extent rests on came or went since a ledger size. Leases come and
-- go all day; one that was never seen anywhere changes nothing.
SELECT 1 FROM (
  SELECT subject FROM edges
  WHERE entry >= :since AND relation IN ('holds', 'opens', 'belongs-to', 'operated-by')
  UNION ALL
  SELECT subject FROM edges
  WHERE tx_to >= :since AND tx_to <> 9007199254740991
    AND relation IN ('holds', 'opens', 'belongs-to', 'operated-by')
) AS c JOIN entities AS s ON s.entity = c.subject
WHERE substr(s.name, 1, 15) <> 'identity:lease/'
  OR EXISTS (SELECT 1 FROM identities AS i WHERE i.name = substr(s.name, 16) AND i.kind = 'lease')
  OR EXISTS (SELECT 1 FROM edges AS h WHERE h.object = c.subject AND h.relation = 'holds')
LIMIT 1;

-- name: count_extent
-- How many things lay one step from these exposed assets: identities, datasets, whose, whose systems.
WITH {{taken_from_exposed}}, theft AS MATERIALIZED (
  SELECT name, min(at) AS at FROM named GROUP BY name
), opened AS MATERIALIZED (
  SELECT o.object AS entity, min({{later t.at o.from_lo}}) AS at
  FROM theft AS t {{then}} entities AS e ON e.name = t.name
    {{then}} edges AS o ON o.relation = 'opens' AND o.subject = e.entity
  WHERE o.entry < :tx AND o.tx_to >= :tx AND {{ends_after o t.at}}
  GROUP BY o.object
), owner AS MATERIALIZED (
  SELECT o.object AS entity, {{later t.at o.from_lo}} AS at
  FROM opened AS t {{then}} edges AS o ON o.relation = 'belongs-to' AND o.subject = t.entity
  WHERE o.entry < :tx AND o.tx_to >= :tx AND {{ends_after o t.at}}
  UNION ALL
  SELECT o.object, {{later k.lo o.from_lo}}
  FROM known AS k {{then}} edges AS o ON o.relation = 'operated-by' AND o.subject = k.entity
  WHERE o.entry < :tx AND o.tx_to >= :tx
    AND o.from_lo < k.hi AND {{ends_after o k.lo}}
), party AS MATERIALIZED (
  SELECT e.name AS name, min(o.at) AS at
  FROM owner AS o {{then}} entities AS e ON e.entity = o.entity
  WHERE substr(e.name, 1, 7) IN ('client:', 'people:', 'vendor:')
  GROUP BY e.name
)
SELECT 'identity', count(*), min(at) FROM theft
UNION ALL SELECT 'dataset', count(*), min(at) FROM opened
UNION ALL SELECT {{before_colon name}}, count(*), min(at) FROM party GROUP BY 1;

-- name: list_taken
-- What these exposed assets held (name, entity, since when), and they themselves as entities (no name).
WITH {{taken_from_exposed}}
SELECT n.name, coalesce(e.entity, 0), n.at, 0
FROM named AS n LEFT JOIN entities AS e ON e.name = n.name
UNION ALL SELECT '', k.entity, k.lo, k.hi FROM known AS k WHERE k.entity IS NOT NULL;

-- name: count_looks_at
-- How many looks count at each of these assets.
SELECT p.asset, sum(p.looks)
FROM {{each k :assets bigint}} {{then}} places AS p ON p.asset = k.value
GROUP BY p.asset;
