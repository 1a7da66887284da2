-- name: forget_picked
-- Begin a question that starts from numbers.
TRUNCATE TEMPORARY TABLE picked;

-- name: forget_picked_texts
-- Begin a question that starts from texts.
TRUNCATE TEMPORARY TABLE picked_texts;

-- name: forget_picked_rows
-- Begin a question in two steps.
TRUNCATE TEMPORARY TABLE picked_rows;

-- name: list_items_named
-- Items of these projects; a row that was added twice counts once.
SELECT DISTINCT item, type, name, version, digest, filename, admits
FROM items
WHERE name IN (SELECT more FROM picked_texts)
  AND (type, name) IN (SELECT text, more FROM picked_texts) AND entry < {tx:UInt64};

-- name: list_items_with_digest
-- Items with one of these digests.
SELECT DISTINCT item, type, name, version, digest, filename, admits
FROM items
WHERE digest IN (SELECT text FROM picked_texts) AND digest <> '' AND entry < {tx:UInt64};

-- name: pick_hits
-- First step: statements about these items in a window that count at a ledger size.
INSERT INTO picked_rows
SELECT item, asset, place, from_lo, from_hi, to_lo, to_hi, stage, class, entry, detail, 0, NULL, NULL
FROM (
  SELECT DISTINCT id, item, asset, place, from_lo, from_hi, to_lo, to_hi, stage, class, entry, detail
  FROM presence_opens
  WHERE item IN (SELECT number FROM picked) AND tx_from < {tx:UInt64}
    AND from_lo < {until:Int64} AND to_hi >= {start:Int64}
    AND (to_hi > {start:Int64} OR from_lo >= {start:Int64})
    AND (item, id) NOT IN (
      SELECT item, id FROM presence_closes
      WHERE item IN (SELECT number FROM picked) AND tx_to < {tx:UInt64})
);

-- name: pick_lineage_hits
-- First step, places that share contents.
INSERT INTO picked_rows
SELECT c.item, o.asset, o.place, o.from_lo, o.from_hi, o.to_lo, o.to_hi, c.stage, o.class, o.entry,
  c.detail, o.latest, c.since_lo, c.since_hi
FROM (
  SELECT DISTINCT id, lineage, ord, place, asset, class, from_lo, from_hi, to_lo, to_hi, latest, entry
  FROM occupancy_opens
  WHERE lineage IN (SELECT lineage FROM lineage_items WHERE item IN (SELECT number FROM picked))
    AND tx_from < {tx:UInt64} AND to_hi >= {start:Int64}
    AND (lineage, id) NOT IN (
      SELECT lineage, id FROM occupancy_closes
      WHERE tx_to < {tx:UInt64} AND lineage IN (
        SELECT lineage FROM lineage_items WHERE item IN (SELECT number FROM picked)))
) AS o INNER JOIN (
  SELECT item, lineage, ord_from, sighting, min(ord_to) AS ord_to, any(stage) AS stage,
    any(since_lo) AS since_lo, any(since_hi) AS since_hi, any(detail) AS detail
  FROM lineage_items WHERE item IN (SELECT number FROM picked)
  GROUP BY item, lineage, ord_from, sighting
) AS c ON c.lineage = o.lineage
WHERE o.ord >= c.ord_from AND o.ord <= c.ord_to
  AND (o.from_lo < {until:Int64} OR c.since_lo < {until:Int64}
    OR (c.since_lo IS NULL AND c.since_hi IS NOT NULL));

-- name: pick_contents
-- First step: what an asset may have held in a window, places with contents of their own.
INSERT INTO picked_rows
SELECT item, asset, place, from_lo, from_hi, to_lo, to_hi, stage, class, entry, detail, 0, NULL, NULL
FROM (
  SELECT DISTINCT id, item, asset, place, from_lo, from_hi, to_lo, to_hi, stage, class, entry, detail
  FROM presence_opens
  WHERE asset = {asset:UInt64} AND tx_from < {tx:UInt64}
    AND from_lo < {until:Int64} AND to_hi >= {start:Int64}
    AND (to_hi > {start:Int64} OR from_lo >= {start:Int64})
    AND (item, id) NOT IN (
      SELECT item, id FROM presence_closes
      WHERE tx_to < {tx:UInt64}
        AND item IN (SELECT item FROM presence_opens WHERE asset = {asset:UInt64}))
);

-- name: pick_lineage_contents
-- First step, places that share contents.
INSERT INTO picked_rows
SELECT c.item, o.asset, o.place, o.from_lo, o.from_hi, o.to_lo, o.to_hi, c.stage, o.class, o.entry,
  c.detail, o.latest, c.since_lo, c.since_hi
FROM (
  SELECT DISTINCT id, lineage, ord, place, asset, class, from_lo, from_hi, to_lo, to_hi, latest, entry
  FROM occupancy_opens
  WHERE lineage IN (SELECT lineage FROM places WHERE asset = {asset:UInt64})
    AND asset = {asset:UInt64} AND tx_from < {tx:UInt64} AND to_hi >= {start:Int64}
    AND (lineage, id) NOT IN (
      SELECT lineage, id FROM occupancy_closes
      WHERE tx_to < {tx:UInt64}
        AND lineage IN (SELECT lineage FROM places WHERE asset = {asset:UInt64}))
) AS o INNER JOIN (
  SELECT item, lineage, ord_from, sighting, min(ord_to) AS ord_to, any(stage) AS stage,
    any(since_lo) AS since_lo, any(since_hi) AS since_hi, any(detail) AS detail
  FROM lineage_items WHERE lineage IN (SELECT lineage FROM places WHERE asset = {asset:UInt64})
  GROUP BY item, lineage, ord_from, sighting
) AS c ON c.lineage = o.lineage
WHERE o.ord >= c.ord_from AND o.ord <= c.ord_to
  AND (o.from_lo < {until:Int64} OR c.since_lo < {until:Int64}
    OR (c.since_lo IS NULL AND c.since_hi IS NOT NULL));

-- name: list_picked_items
-- What the items of the first step are.
SELECT DISTINCT item, type, name, version, digest, filename, admits
FROM items WHERE item IN (SELECT item FROM picked_rows);

-- name: list_picked_rows
-- Second step: what was found, with when its place was last seen and what the sighting says.
SELECT h.item, h.asset, h.place, h.from_lo, h.from_hi, h.to_lo, h.to_hi,
  if(h.to_lo = 253402300799000000, toNullable(s.seen), NULL), h.stage, h.class, h.entry, d.body,
  h.latest, h.since_lo, h.since_hi
FROM picked_rows AS h
  LEFT JOIN (
    SELECT place, argMax(place_seen.seen, tx_from) AS seen FROM place_seen
    WHERE place IN (SELECT place FROM picked_rows) AND tx_from < {tx:UInt64} GROUP BY place
  ) AS s ON s.place = h.place
  LEFT JOIN (
    SELECT detail, any(body) AS body FROM details
    WHERE detail IN (SELECT detail FROM picked_rows) GROUP BY detail
  ) AS d ON d.detail = h.detail;

-- name: list_assets
-- Every asset of which anything is known.
SELECT a.asset, a.name, s.kind, s.since
FROM (SELECT DISTINCT asset, name FROM assets) AS a INNER JOIN (
  SELECT t.asset AS asset, argMax(t.kind, t.tx_from) AS kind, argMax(t.since, t.tx_from) AS since
  FROM asset_states AS t WHERE t.tx_from < {tx:UInt64} GROUP BY t.asset
) AS s ON s.asset = a.asset
WHERE s.since <> 253402300799000000;

-- name: find_assets_by_id
-- Assets with these numbers, as last known.
SELECT a.asset, a.name, s.kind, s.since
FROM (
  SELECT DISTINCT asset, name FROM assets WHERE asset IN (SELECT number FROM picked)
) AS a INNER JOIN (
  SELECT t.asset AS asset, argMax(t.kind, t.tx_from) AS kind, argMax(t.since, t.tx_from) AS since
  FROM asset_states AS t
  WHERE t.asset IN (SELECT number FROM picked) AND t.since <> 253402300799000000 GROUP BY t.asset
) AS s ON s.asset = a.asset;

-- name: find_assets_by_name
-- Assets with these names, as last known.
SELECT a.asset, a.name, s.kind, s.since
FROM (
  SELECT DISTINCT asset, name FROM assets WHERE name IN (SELECT text FROM picked_texts)
) AS a INNER JOIN (
  SELECT t.asset AS asset, argMax(t.kind, t.tx_from) AS kind, argMax(t.since, t.tx_from) AS since
  FROM asset_states AS t
  WHERE t.since <> 253402300799000000
    AND t.asset IN (SELECT asset FROM assets WHERE name IN (SELECT text FROM picked_texts))
  GROUP BY t.asset
) AS s ON s.asset = a.asset;

-- name: find_asset_names
-- Names of these assets, whether or not anything is known of them now.
SELECT DISTINCT name FROM assets WHERE asset IN (SELECT number FROM picked);

-- name: find_places_by_id
-- Places with these numbers.
SELECT DISTINCT place, asset, kind, locator, lineage_name
FROM places WHERE place IN (SELECT number FROM picked);

-- name: list_watched
-- Looks at places of these assets that bear on a window: those in it, the last before, the first after.
SELECT asset, place, event, at_lo, at_hi, ended, whole, gaps, entry FROM (
  SELECT *, multiIf(
    at_lo < {until:Int64} AND at_hi >= {start:Int64}
      AND (at_hi > {start:Int64} OR at_lo >= {start:Int64}), 0,
    at_lo < {start:Int64}, 1, 2) AS side,
    row_number() OVER (PARTITION BY place, side ORDER BY
      if(side = 1, -at_hi, at_lo), if(side = 1, -at_lo, at_hi),
      if(side = 1, -toInt64(entry), toInt64(entry))) AS nearest
  FROM (
    SELECT DISTINCT place, entry, asset, event, at_lo, at_hi, ended, whole, gaps
    FROM looks_opens
    WHERE asset IN (SELECT number FROM picked) AND entry < {tx:UInt64}
      AND (place, entry) NOT IN (SELECT place, entry FROM looks_closes WHERE tx_to < {tx:UInt64})
  )
) WHERE side = 0 OR nearest = 1;

-- name: list_all_watched
-- Looks at any place that bear on a window, likewise.
SELECT asset, place, event, at_lo, at_hi, ended, whole, gaps, entry FROM (
  SELECT *, multiIf(
    at_lo < {until:Int64} AND at_hi >= {start:Int64}
      AND (at_hi > {start:Int64} OR at_lo >= {start:Int64}), 0,
    at_lo < {start:Int64}, 1, 2) AS side,
    row_number() OVER (PARTITION BY place, side ORDER BY
      if(side = 1, -at_hi, at_lo), if(side = 1, -at_lo, at_hi),
      if(side = 1, -toInt64(entry), toInt64(entry))) AS nearest
  FROM (
    SELECT DISTINCT place, entry, asset, event, at_lo, at_hi, ended, whole, gaps
    FROM looks_opens
    WHERE entry < {tx:UInt64}
      AND (place, entry) NOT IN (SELECT place, entry FROM looks_closes WHERE tx_to < {tx:UInt64})
  )
) WHERE side = 0 OR nearest = 1;

-- name: list_conflicts
-- Machines that share an asset's name, each with its first look.
SELECT l.asset, p.machine, min(l.entry) AS first
FROM (
  SELECT DISTINCT asset, place, machine FROM places
  WHERE machine <> '' AND asset IN (
    SELECT asset FROM places WHERE machine <> '' GROUP BY asset HAVING uniqExact(machine) > 1)
) AS p INNER JOIN (
  SELECT place, entry, asset FROM looks_opens
  WHERE entry < {tx:UInt64}
    AND (place, entry) NOT IN (SELECT place, entry FROM looks_closes WHERE tx_to < {tx:UInt64})
) AS l ON l.place = p.place
GROUP BY l.asset, p.machine ORDER BY l.asset, first;

-- name: find_tally
-- The newest totals below a ledger size.
SELECT entry, facts, assets FROM tallies WHERE entry < {tx:UInt64} ORDER BY entry DESC LIMIT 1;

-- name: sum_looks
-- What looks added since the newest totals.
SELECT sum(gained), sum(appeared) FROM (
  SELECT any(l.gained) AS gained, any(l.appeared) AS appeared FROM looks_opens AS l
  WHERE l.entry > {after:Int64} AND l.entry < {tx:UInt64} GROUP BY l.entry
);

-- name: find_sizes
-- What the rows rest on, and how much of it could not be read.
SELECT (SELECT max(applied) FROM shipped),
  (SELECT uniqExact(entry) FROM unreadable WHERE entry < {tx:UInt64});

-- name: list_holds
-- Identities that these assets may have held, by places with contents of their own.
SELECT a.name, n.kind, n.name, n.local, n.locator, h.from_lo, h.from_hi, h.to_lo, h.to_hi,
  if(h.to_lo = 253402300799000000, toNullable(s.seen), NULL), h.class, h.entry
FROM (
  SELECT DISTINCT id, asset, identity, place, class, from_lo, from_hi, to_lo, to_hi, entry
  FROM holdings_opens
  WHERE asset IN (SELECT number FROM picked) AND tx_from < {tx:UInt64}
    AND from_lo < {until:Int64} AND to_hi >= {start:Int64}
    AND (to_hi > {start:Int64} OR from_lo >= {start:Int64})
    AND (asset, id) NOT IN (
      SELECT asset, id FROM holdings_closes
      WHERE asset IN (SELECT number FROM picked) AND tx_to < {tx:UInt64})
) AS h
  INNER JOIN (
    SELECT DISTINCT asset, name FROM assets WHERE asset IN (SELECT number FROM picked)
  ) AS a ON a.asset = h.asset
  INNER JOIN (SELECT DISTINCT identity, kind, name, local, locator FROM identities) AS n
    ON n.identity = h.identity
  LEFT JOIN (
    SELECT place, argMax(place_seen.seen, tx_from) AS seen FROM place_seen
    WHERE place IN (SELECT place FROM places WHERE asset IN (SELECT number FROM picked))
      AND tx_from < {tx:UInt64} GROUP BY place
  ) AS s ON s.place = h.place;

-- name: list_holds_of_lineages
-- Identities that these assets may have held, by places that share contents.
SELECT a.name, n.kind, n.name, n.local, n.locator, o.from_lo, o.from_hi, o.to_lo, o.to_hi,
  if(o.to_lo = 253402300799000000, toNullable(s.seen), NULL), o.class, o.entry
FROM (
  SELECT DISTINCT id, lineage, ord, place, asset, class, from_lo, from_hi, to_lo, to_hi, entry
  FROM occupancy_opens
  WHERE asset IN (SELECT number FROM picked) AND tx_from < {tx:UInt64}
    AND lineage IN (SELECT lineage FROM places WHERE asset IN (SELECT number FROM picked))
    AND from_lo < {until:Int64} AND to_hi >= {start:Int64}
    AND (to_hi > {start:Int64} OR from_lo >= {start:Int64})
    AND (lineage, id) NOT IN (
      SELECT lineage, id FROM occupancy_closes
      WHERE tx_to < {tx:UInt64}
        AND lineage IN (SELECT lineage FROM places WHERE asset IN (SELECT number FROM picked)))
) AS o
  INNER JOIN (
    SELECT lineage, identity, ord_from, min(ord_to) AS ord_to FROM lineage_identities
    WHERE lineage IN (SELECT lineage FROM places WHERE asset IN (SELECT number FROM picked))
    GROUP BY lineage, identity, ord_from
  ) AS c ON c.lineage = o.lineage
  INNER JOIN (
    SELECT DISTINCT asset, name FROM assets WHERE asset IN (SELECT number FROM picked)
  ) AS a ON a.asset = o.asset
  INNER JOIN (SELECT DISTINCT identity, kind, name, local, locator FROM identities) AS n
    ON n.identity = c.identity
  LEFT JOIN (
    SELECT place, argMax(place_seen.seen, tx_from) AS seen FROM place_seen
    WHERE place IN (SELECT place FROM places WHERE asset IN (SELECT number FROM picked))
      AND tx_from < {tx:UInt64} GROUP BY place
  ) AS s ON s.place = o.place
WHERE o.ord >= c.ord_from AND o.ord <= c.ord_to;

-- name: list_edges_from
-- Facts of a relation with one of these subjects.
SELECT relation, subject, object, from_lo, from_hi, to_lo, to_hi, class, entry, note
FROM (
  SELECT DISTINCT id, relation, subject, object, from_lo, from_hi, to_lo, to_hi, class, entry, note
  FROM edges_opens
  WHERE relation = {relation:String} AND subject IN (SELECT text FROM picked_texts)
    AND entry < {tx:UInt64}
    AND id NOT IN (
      SELECT id FROM edges_closes WHERE relation = {relation:String} AND tx_to < {tx:UInt64})
);

-- name: list_edges_to
-- Facts of a relation with one of these objects.
SELECT relation, subject, object, from_lo, from_hi, to_lo, to_hi, class, entry, note
FROM (
  SELECT DISTINCT id, relation, subject, object, from_lo, from_hi, to_lo, to_hi, class, entry, note
  FROM edges_opens
  WHERE relation = {relation:String} AND object IN (SELECT text FROM picked_texts)
    AND entry < {tx:UInt64}
    AND id NOT IN (
      SELECT id FROM edges_closes WHERE relation = {relation:String} AND tx_to < {tx:UInt64})
);

-- name: list_edges_of
-- Every fact of a relation.
SELECT relation, subject, object, from_lo, from_hi, to_lo, to_hi, class, entry, note
FROM (
  SELECT DISTINCT id, relation, subject, object, from_lo, from_hi, to_lo, to_hi, class, entry, note
  FROM edges_opens
  WHERE relation = {relation:String} AND entry < {tx:UInt64}
    AND id NOT IN (
      SELECT id FROM edges_closes WHERE relation = {relation:String} AND tx_to < {tx:UInt64})
);
