-- name: count_extent
-- How many things lay one step from these exposed assets: identities, datasets, whose, whose systems.
WITH hit AS MATERIALIZED (
  SELECT json_extract(k.value, '$[0]') AS asset, json_extract(k.value, '$[1]') AS lo,
    json_extract(k.value, '$[2]') AS hi
  FROM json_each(:exposed) AS k
), known AS MATERIALIZED (
  SELECT hit.asset AS asset, hit.lo AS lo, hit.hi AS hi, a.name AS name, e.entity AS entity
  FROM hit CROSS JOIN inventory_assets AS a ON a.asset = hit.asset
    LEFT JOIN entities AS e ON e.name = 'asset:' || a.name
), taken AS MATERIALIZED (
  SELECT h.identity AS identity, k.asset AS asset, k.name AS name, max(k.lo, h.from_lo) AS at
  FROM known AS k CROSS JOIN holdings AS h ON h.asset = k.asset
  WHERE h.tx_from < :tx AND h.tx_to >= :tx
    AND h.from_lo < k.hi AND max(h.to_hi, h.from_lo + 1) > k.lo
  UNION ALL
  SELECT c.identity, k.asset, k.name, max(k.lo, o.from_lo)
  FROM known AS k CROSS JOIN places AS q ON q.asset = k.asset AND q.lineage <> 0
    CROSS JOIN lineage_identities AS c ON c.lineage = q.lineage
    CROSS JOIN occupancy AS o ON o.place = q.place AND o.ord >= c.ord_from AND o.ord <= c.ord_to
  WHERE o.tx_from < :tx AND o.tx_to >= :tx
    AND o.from_lo < k.hi AND max(o.to_hi, o.from_lo + 1) > k.lo
), named AS MATERIALIZED (
  SELECT CASE n.local WHEN 0 THEN 'identity:' || n.kind || '/' || n.name
    ELSE 'identity:' || n.kind || '/' || t.name || '/' || n.name END AS name, t.at AS at
  FROM taken AS t CROSS JOIN identities AS n ON n.identity = t.identity
  UNION ALL
  SELECT o.name, max(k.lo, e.from_lo)
  FROM known AS k CROSS JOIN edges AS e ON e.relation = 'holds' AND e.subject = k.entity
    CROSS JOIN entities AS o ON o.entity = e.object
  WHERE e.entry < :tx AND e.tx_to >= :tx
    AND e.from_lo < k.hi AND max(e.to_hi, e.from_lo + 1) > k.lo
  UNION ALL
  SELECT json_extract(k.value, '$[0]'), json_extract(k.value, '$[1]') FROM json_each(:told) AS k
), theft AS MATERIALIZED (
  SELECT name, min(at) AS at FROM named GROUP BY name
), opened AS MATERIALIZED (
  SELECT o.object AS entity, min(max(t.at, o.from_lo)) AS at
  FROM theft AS t CROSS JOIN entities AS e ON e.name = t.name
    CROSS JOIN edges AS o ON o.relation = 'opens' AND o.subject = e.entity
  WHERE o.entry < :tx AND o.tx_to >= :tx AND max(o.to_hi, o.from_lo + 1) > t.at
  GROUP BY o.object
), owner AS MATERIALIZED (
  SELECT o.object AS entity, max(t.at, o.from_lo) AS at
  FROM opened AS t CROSS JOIN edges AS o ON o.relation = 'belongs-to' AND o.subject = t.entity
  WHERE o.entry < :tx AND o.tx_to >= :tx AND max(o.to_hi, o.from_lo + 1) > t.at
  UNION ALL
  SELECT o.object, max(k.lo, o.from_lo)
  FROM known AS k CROSS JOIN edges AS o ON o.relation = 'operated-by' AND o.subject = k.entity
  WHERE o.entry < :tx AND o.tx_to >= :tx
    AND o.from_lo < k.hi AND max(o.to_hi, o.from_lo + 1) > k.lo
), party AS MATERIALIZED (
  SELECT e.name AS name, min(o.at) AS at
  FROM owner AS o CROSS JOIN entities AS e ON e.entity = o.entity
  WHERE substr(e.name, 1, 7) IN ('client:', 'people:', 'vendor:')
  GROUP BY e.name
)
SELECT 'identity', count(*), min(at) FROM theft
UNION ALL SELECT 'dataset', count(*), min(at) FROM opened
UNION ALL SELECT substr(name, 1, instr(name, ':') - 1), count(*), min(at) FROM party GROUP BY 1;

-- name: list_taken
-- What these exposed assets held (name, entity, since when), and they themselves as entities (no name).
WITH hit AS MATERIALIZED (
  SELECT json_extract(k.value, '$[0]') AS asset, json_extract(k.value, '$[1]') AS lo,
    json_extract(k.value, '$[2]') AS hi
  FROM json_each(:exposed) AS k
), known AS MATERIALIZED (
  SELECT hit.asset AS asset, hit.lo AS lo, hit.hi AS hi, a.name AS name, e.entity AS entity
  FROM hit CROSS JOIN inventory_assets AS a ON a.asset = hit.asset
    LEFT JOIN entities AS e ON e.name = 'asset:' || a.name
), taken AS MATERIALIZED (
  SELECT h.identity AS identity, k.asset AS asset, k.name AS name, max(k.lo, h.from_lo) AS at
  FROM known AS k CROSS JOIN holdings AS h ON h.asset = k.asset
  WHERE h.tx_from < :tx AND h.tx_to >= :tx
    AND h.from_lo < k.hi AND max(h.to_hi, h.from_lo + 1) > k.lo
  UNION ALL
  SELECT c.identity, k.asset, k.name, max(k.lo, o.from_lo)
  FROM known AS k CROSS JOIN places AS q ON q.asset = k.asset AND q.lineage <> 0
    CROSS JOIN lineage_identities AS c ON c.lineage = q.lineage
    CROSS JOIN occupancy AS o ON o.place = q.place AND o.ord >= c.ord_from AND o.ord <= c.ord_to
  WHERE o.tx_from < :tx AND o.tx_to >= :tx
    AND o.from_lo < k.hi AND max(o.to_hi, o.from_lo + 1) > k.lo
), named AS MATERIALIZED (
  SELECT CASE n.local WHEN 0 THEN 'identity:' || n.kind || '/' || n.name
    ELSE 'identity:' || n.kind || '/' || t.name || '/' || n.name END AS name, t.at AS at
  FROM taken AS t CROSS JOIN identities AS n ON n.identity = t.identity
  UNION ALL
  SELECT o.name, max(k.lo, e.from_lo)
  FROM known AS k CROSS JOIN edges AS e ON e.relation = 'holds' AND e.subject = k.entity
    CROSS JOIN entities AS o ON o.entity = e.object
  WHERE e.entry < :tx AND e.tx_to >= :tx
    AND e.from_lo < k.hi AND max(e.to_hi, e.from_lo + 1) > k.lo
  UNION ALL
  SELECT json_extract(k.value, '$[0]'), json_extract(k.value, '$[1]') FROM json_each(:told) AS k
)
SELECT n.name, coalesce(e.entity, 0), n.at, 0
FROM named AS n LEFT JOIN entities AS e ON e.name = n.name
UNION ALL SELECT '', k.entity, k.lo, k.hi FROM known AS k WHERE k.entity IS NOT NULL;

-- name: count_looks_at
-- How many looks count at each of these assets.
SELECT p.asset, sum(p.looks)
FROM json_each(:assets) AS k CROSS JOIN places AS p ON p.asset = k.value
GROUP BY p.asset;
