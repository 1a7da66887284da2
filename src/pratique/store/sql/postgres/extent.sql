-- name: count_extent
-- How many things lay one step from these exposed assets: identities, datasets, whose, whose systems.
WITH hit AS MATERIALIZED (
  SELECT CAST(k->>0 AS bigint) AS asset, CAST(k->>1 AS bigint) AS lo, CAST(k->>2 AS bigint) AS hi
  FROM json_array_elements(CAST(:exposed AS json)) AS k
), known AS MATERIALIZED (
  SELECT hit.asset, hit.lo, hit.hi, a.name, e.entity
  FROM hit JOIN inventory_assets AS a ON a.asset = hit.asset
    LEFT JOIN entities AS e ON e.name = 'asset:' || a.name
), taken AS MATERIALIZED (
  SELECT h.identity, k.asset, k.name, greatest(k.lo, h.from_lo) AS at
  FROM known AS k JOIN holdings AS h ON h.asset = k.asset
  WHERE h.tx_from < :tx AND h.tx_to >= :tx
    AND h.from_lo < k.hi AND greatest(h.to_hi, h.from_lo + 1) > k.lo
  UNION ALL
  SELECT c.identity, k.asset, k.name, greatest(k.lo, o.from_lo)
  FROM known AS k JOIN places AS q ON q.asset = k.asset AND q.lineage <> 0
    JOIN lineage_identities AS c ON c.lineage = q.lineage
    JOIN occupancy AS o ON o.place = q.place AND o.ord >= c.ord_from AND o.ord <= c.ord_to
  WHERE o.tx_from < :tx AND o.tx_to >= :tx
    AND o.from_lo < k.hi AND greatest(o.to_hi, o.from_lo + 1) > k.lo
), named AS MATERIALIZED (
  SELECT 'identity:' || n.kind || '/' || CASE n.local WHEN 1 THEN t.name || '/' ELSE '' END || n.name
    AS name, t.at
  FROM taken AS t JOIN identities AS n ON n.identity = t.identity
  UNION ALL
  SELECT o.name, greatest(k.lo, e.from_lo)
  FROM known AS k JOIN edges AS e ON e.relation = 'holds' AND e.subject = k.entity
    JOIN entities AS o ON o.entity = e.object
  WHERE e.entry < :tx AND e.tx_to >= :tx
    AND e.from_lo < k.hi AND greatest(e.to_hi, e.from_lo + 1) > k.lo
  UNION ALL
  SELECT k->>0, CAST(k->>1 AS bigint) FROM json_array_elements(CAST(:told AS json)) AS k
), theft AS MATERIALIZED (
  SELECT name, min(at) AS at FROM named GROUP BY name
), opened AS MATERIALIZED (
  SELECT o.object AS entity, min(greatest(t.at, o.from_lo)) AS at
  FROM theft AS t JOIN entities AS e ON e.name = t.name
    JOIN edges AS o ON o.relation = 'opens' AND o.subject = e.entity
  WHERE o.entry < :tx AND o.tx_to >= :tx AND greatest(o.to_hi, o.from_lo + 1) > t.at
  GROUP BY o.object
), owner AS MATERIALIZED (
  SELECT o.object AS entity, greatest(t.at, o.from_lo) AS at
  FROM opened AS t JOIN edges AS o ON o.relation = 'belongs-to' AND o.subject = t.entity
  WHERE o.entry < :tx AND o.tx_to >= :tx AND greatest(o.to_hi, o.from_lo + 1) > t.at
  UNION ALL
  SELECT o.object, greatest(k.lo, o.from_lo)
  FROM known AS k JOIN edges AS o ON o.relation = 'operated-by' AND o.subject = k.entity
  WHERE o.entry < :tx AND o.tx_to >= :tx
    AND o.from_lo < k.hi AND greatest(o.to_hi, o.from_lo + 1) > k.lo
), party AS MATERIALIZED (
  SELECT e.name, min(o.at) AS at
  FROM owner AS o JOIN entities AS e ON e.entity = o.entity
  WHERE substr(e.name, 1, 7) IN ('client:', 'people:', 'vendor:')
  GROUP BY e.name
)
SELECT 'identity', count(*), min(at) FROM theft
UNION ALL SELECT 'dataset', count(*), min(at) FROM opened
UNION ALL SELECT split_part(name, ':', 1), count(*), min(at) FROM party GROUP BY 1;

-- name: list_taken
-- What these exposed assets held (name, entity, since when), and they themselves as entities (no name).
WITH hit AS MATERIALIZED (
  SELECT CAST(k->>0 AS bigint) AS asset, CAST(k->>1 AS bigint) AS lo, CAST(k->>2 AS bigint) AS hi
  FROM json_array_elements(CAST(:exposed AS json)) AS k
), known AS MATERIALIZED (
  SELECT hit.asset, hit.lo, hit.hi, a.name, e.entity
  FROM hit JOIN inventory_assets AS a ON a.asset = hit.asset
    LEFT JOIN entities AS e ON e.name = 'asset:' || a.name
), taken AS MATERIALIZED (
  SELECT h.identity, k.asset, k.name, greatest(k.lo, h.from_lo) AS at
  FROM known AS k JOIN holdings AS h ON h.asset = k.asset
  WHERE h.tx_from < :tx AND h.tx_to >= :tx
    AND h.from_lo < k.hi AND greatest(h.to_hi, h.from_lo + 1) > k.lo
  UNION ALL
  SELECT c.identity, k.asset, k.name, greatest(k.lo, o.from_lo)
  FROM known AS k JOIN places AS q ON q.asset = k.asset AND q.lineage <> 0
    JOIN lineage_identities AS c ON c.lineage = q.lineage
    JOIN occupancy AS o ON o.place = q.place AND o.ord >= c.ord_from AND o.ord <= c.ord_to
  WHERE o.tx_from < :tx AND o.tx_to >= :tx
    AND o.from_lo < k.hi AND greatest(o.to_hi, o.from_lo + 1) > k.lo
), named AS MATERIALIZED (
  SELECT 'identity:' || n.kind || '/' || CASE n.local WHEN 1 THEN t.name || '/' ELSE '' END || n.name
    AS name, t.at
  FROM taken AS t JOIN identities AS n ON n.identity = t.identity
  UNION ALL
  SELECT o.name, greatest(k.lo, e.from_lo)
  FROM known AS k JOIN edges AS e ON e.relation = 'holds' AND e.subject = k.entity
    JOIN entities AS o ON o.entity = e.object
  WHERE e.entry < :tx AND e.tx_to >= :tx
    AND e.from_lo < k.hi AND greatest(e.to_hi, e.from_lo + 1) > k.lo
  UNION ALL
  SELECT k->>0, CAST(k->>1 AS bigint) FROM json_array_elements(CAST(:told AS json)) AS k
)
SELECT n.name, coalesce(e.entity, 0), n.at, 0
FROM named AS n LEFT JOIN entities AS e ON e.name = n.name
UNION ALL SELECT '', k.entity, k.lo, k.hi FROM known AS k WHERE k.entity IS NOT NULL;

-- name: count_looks_at
-- How many looks count at each of these assets.
SELECT p.asset, sum(p.looks)
FROM places AS p WHERE p.asset = ANY(CAST(:assets AS bigint[]))
GROUP BY p.asset;
