-- name: find_asset_states
-- What is known of these assets now.
SELECT s.asset, s.kind, s.since
FROM json_each(:keys) AS k JOIN asset_states AS s ON s.asset = k.value
WHERE s.tx_from = (SELECT max(n.tx_from) FROM asset_states AS n WHERE n.asset = s.asset);

-- name: find_open_sightings
-- Open rows that stand for these sightings, listed by place.
SELECT p.item, p.place, p.tx_from, p.stage, p.entry, p.asset, p.class, p.from_lo, p.from_hi, p.to_lo,
  p.to_hi, p.detail, p.sighting
FROM json_each(:wanted) AS k CROSS JOIN json_each(k.value) AS n CROSS JOIN presence AS p
  ON p.place = CAST(k.key AS INTEGER) AND p.sighting = n.value
WHERE p.tx_to = 9007199254740991 AND p.to_hi = 253402300799000000;

-- name: find_open_items
-- Open rows of these items, listed by place.
SELECT p.item, p.place, p.tx_from, p.stage, p.entry, p.asset, p.class, p.from_lo, p.from_hi, p.to_lo,
  p.to_hi, p.detail, p.sighting
FROM json_each(:wanted) AS k CROSS JOIN json_each(k.value) AS n CROSS JOIN presence AS p
  ON p.place = CAST(k.key AS INTEGER) AND p.item = n.value
WHERE p.tx_to = 9007199254740991 AND p.to_hi = 253402300799000000;

-- name: add_lineage_item
-- A sighting lies in the contents of a lineage from one number on, unless it does so already.
INSERT INTO lineage_items (item, lineage, ord_from, sighting, ord_to, stage, since_lo, since_hi,
  detail)
SELECT :item, :lineage, :ord_from, :sighting, :ord_to, :stage, :since_lo, :since_hi, :detail
WHERE NOT EXISTS (SELECT 1 FROM lineage_items AS n WHERE n.lineage = :lineage
  AND n.sighting = :sighting AND n.ord_to = 9007199254740991);

-- name: add_lineage_identity
-- An identity lies in the contents of a lineage from one number on, unless it does so already.
INSERT INTO lineage_identities (lineage, identity, ord_from, ord_to)
SELECT :lineage, :identity, :ord_from, :ord_to
WHERE NOT EXISTS (SELECT 1 FROM lineage_identities AS n WHERE n.lineage = :lineage
  AND n.identity = :identity AND n.ord_to = 9007199254740991);

-- name: ensure_presence_month
-- SQLite keeps all months in one table.
SELECT :name, :first, :next;
