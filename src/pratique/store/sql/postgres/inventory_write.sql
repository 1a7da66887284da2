-- name: find_asset_states
-- What is known of these assets now.
SELECT s.asset, s.kind, s.since
FROM json_array_elements_text(CAST(:keys AS json)) AS k
JOIN asset_states AS s ON s.asset = CAST(k AS bigint)
WHERE s.tx_from = (SELECT max(n.tx_from) FROM asset_states AS n WHERE n.asset = s.asset);

-- name: find_open_sightings
-- Open rows that stand for these sightings, listed by place.
SELECT p.item, p.place, p.tx_from, p.stage, p.entry, p.asset, p.class, p.from_lo, p.from_hi, p.to_lo,
  p.to_hi, p.detail, p.sighting
FROM json_each(CAST(:wanted AS json)) AS k
CROSS JOIN LATERAL json_array_elements_text(k.value) AS n
CROSS JOIN LATERAL (
  SELECT o.item, o.place, o.tx_from, o.stage, o.entry, o.asset, o.class, o.from_lo, o.from_hi, o.to_lo,
    o.to_hi, o.detail, o.sighting
  FROM presence AS o
  WHERE o.place = CAST(k.key AS bigint) AND o.sighting = CAST(n AS bigint)
    AND o.tx_to = 9007199254740991 AND o.to_hi = 253402300799000000
  -- Each by the index: how many are wanted nobody can tell when this is planned.
  OFFSET 0
) AS p;

-- name: find_open_items
-- Open rows of these items, listed by place.
SELECT p.item, p.place, p.tx_from, p.stage, p.entry, p.asset, p.class, p.from_lo, p.from_hi, p.to_lo,
  p.to_hi, p.detail, p.sighting
FROM json_each(CAST(:wanted AS json)) AS k
CROSS JOIN LATERAL json_array_elements_text(k.value) AS n
CROSS JOIN LATERAL (
  SELECT o.item, o.place, o.tx_from, o.stage, o.entry, o.asset, o.class, o.from_lo, o.from_hi, o.to_lo,
    o.to_hi, o.detail, o.sighting
  FROM presence AS o
  WHERE o.place = CAST(k.key AS bigint) AND o.item = CAST(n AS bigint)
    AND o.tx_to = 9007199254740991 AND o.to_hi = 253402300799000000
  -- Each by the index: how many are wanted nobody can tell when this is planned.
  OFFSET 0
) AS p;

-- name: add_lineage_item
-- A sighting lies in the contents of a lineage from one number on, unless it does so already.
INSERT INTO lineage_items (item, lineage, ord_from, sighting, ord_to, stage, since_lo, since_hi,
  detail)
SELECT CAST(:item AS bigint), CAST(:lineage AS bigint), CAST(:ord_from AS bigint),
  CAST(:sighting AS bigint), CAST(:ord_to AS bigint), CAST(:stage AS bigint),
  CAST(:since_lo AS bigint), CAST(:since_hi AS bigint), CAST(:detail AS bigint)
WHERE NOT EXISTS (SELECT 1 FROM lineage_items AS n WHERE n.lineage = :lineage
  AND n.sighting = :sighting AND n.ord_to = 9007199254740991);

-- name: add_lineage_identity
-- An identity lies in the contents of a lineage from one number on, unless it does so already.
INSERT INTO lineage_identities (lineage, identity, ord_from, ord_to)
SELECT CAST(:lineage AS bigint), CAST(:identity AS bigint), CAST(:ord_from AS bigint),
  CAST(:ord_to AS bigint)
WHERE NOT EXISTS (SELECT 1 FROM lineage_identities AS n WHERE n.lineage = :lineage
  AND n.identity = :identity AND n.ord_to = 9007199254740991);

-- name: ensure_presence_month
-- Add the partition of a month, unless it is there.
SELECT ensure_presence_month(:name, :first, :next);
