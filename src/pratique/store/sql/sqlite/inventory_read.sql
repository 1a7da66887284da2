-- name: list_items_named
-- Items of these projects.
SELECT i.item, i.type, i.name, i.version, i.digest, i.filename, i.admits
FROM json_each(:names) AS k CROSS JOIN items AS i
  ON i.type = json_extract(k.value, '$[0]') AND i.name = json_extract(k.value, '$[1]')
WHERE i.entry < :tx;

-- name: list_items_with_digest
-- Items with one of these digests.
SELECT i.item, i.type, i.name, i.version, i.digest, i.filename, i.admits
FROM items AS i
WHERE i.digest IN (SELECT value FROM json_each(:digests)) AND i.digest <> '' AND i.entry < :tx;

-- name: list_hits
-- Where any of these items may have been, places with contents of their own.
SELECT p.item, p.asset, p.place, p.from_lo, p.from_hi, p.to_lo, p.to_hi,
  CASE WHEN p.to_lo = 253402300799000000 THEN (
    SELECT s.seen FROM place_seen AS s WHERE s.place = p.place AND s.tx_from < :tx
    ORDER BY s.tx_from DESC LIMIT 1) END,
  p.stage, p.class, p.entry, d.body
FROM json_each(:items) AS k CROSS JOIN presence AS p ON p.item = k.value
  JOIN details AS d ON d.detail = p.detail
WHERE p.tx_from < :tx AND p.tx_to >= :tx
  AND p.from_lo < :until AND p.to_hi >= :start
  AND (p.to_hi > :start OR p.from_lo >= :start);

-- name: list_lineage_hits
-- Where any of these items may have been, places that share contents.
SELECT c.item, o.asset, o.place, o.from_lo, o.from_hi, o.to_lo, o.to_hi,
  CASE WHEN o.to_lo = 253402300799000000 THEN (
    SELECT s.seen FROM place_seen AS s WHERE s.place = o.place AND s.tx_from < :tx
    ORDER BY s.tx_from DESC LIMIT 1) END,
  c.stage, o.class, o.entry, d.body, o.latest, c.since_lo, c.since_hi
FROM json_each(:items) AS k CROSS JOIN lineage_items AS c ON c.item = k.value
  CROSS JOIN occupancy AS o
  ON o.lineage = c.lineage AND o.ord >= c.ord_from AND o.ord <= c.ord_to
  JOIN details AS d ON d.detail = c.detail
WHERE o.tx_from < :tx AND o.tx_to >= :tx AND o.to_hi >= :start
  AND (o.from_lo < :until OR c.since_lo < :until
    OR (c.since_lo IS NULL AND c.since_hi IS NOT NULL));

-- name: list_asset_hits
-- What an asset ever had of these projects, places with contents of their own.
SELECT p.item, p.asset, p.place, p.from_lo, p.from_hi, p.to_lo, p.to_hi,
  CASE WHEN p.to_lo = 253402300799000000 THEN (
    SELECT s.seen FROM place_seen AS s WHERE s.place = p.place AND s.tx_from < :tx
    ORDER BY s.tx_from DESC LIMIT 1) END,
  p.stage, p.class, p.entry, d.body
FROM json_each(:names) AS k CROSS JOIN items AS i
  ON i.type = json_extract(k.value, '$[0]') AND i.name = json_extract(k.value, '$[1]')
  CROSS JOIN places AS q ON q.asset = :asset
  CROSS JOIN presence AS p ON p.item = i.item AND p.place = q.place
  JOIN details AS d ON d.detail = p.detail
WHERE p.tx_from < :tx AND p.tx_to >= :tx;

-- name: list_asset_lineage_hits
-- What an asset ever had of these projects, places that share contents.
SELECT c.item, o.asset, o.place, o.from_lo, o.from_hi, o.to_lo, o.to_hi,
  CASE WHEN o.to_lo = 253402300799000000 THEN (
    SELECT s.seen FROM place_seen AS s WHERE s.place = o.place AND s.tx_from < :tx
    ORDER BY s.tx_from DESC LIMIT 1) END,
  c.stage, o.class, o.entry, d.body, o.latest, c.since_lo, c.since_hi
FROM json_each(:names) AS k CROSS JOIN items AS i
  ON i.type = json_extract(k.value, '$[0]') AND i.name = json_extract(k.value, '$[1]')
  CROSS JOIN places AS q ON q.asset = :asset
  CROSS JOIN lineage_items AS c ON c.item = i.item AND c.lineage = q.lineage
  CROSS JOIN occupancy AS o
  ON o.place = q.place AND o.ord >= c.ord_from AND o.ord <= c.ord_to
  JOIN details AS d ON d.detail = c.detail
WHERE o.tx_from < :tx AND o.tx_to >= :tx;

-- name: list_contents
-- What an asset may have held, places with contents of their own.
SELECT p.item, p.asset, p.place, p.from_lo, p.from_hi, p.to_lo, p.to_hi,
  CASE WHEN p.to_lo = 253402300799000000 THEN (
    SELECT s.seen FROM place_seen AS s WHERE s.place = p.place AND s.tx_from < :tx
    ORDER BY s.tx_from DESC LIMIT 1) END,
  p.stage, p.class, p.entry, d.body,
  i.item, i.type, i.name, i.version, i.digest, i.filename, i.admits
FROM places AS q CROSS JOIN presence AS p ON p.place = q.place
  JOIN items AS i ON i.item = p.item JOIN details AS d ON d.detail = p.detail
WHERE q.asset = :asset AND p.tx_from < :tx AND p.tx_to >= :tx
  AND p.from_lo < :until AND p.to_hi >= :start
  AND (p.to_hi > :start OR p.from_lo >= :start);

-- name: list_lineage_contents
-- What an asset may have held, places that share contents.
SELECT c.item, o.asset, o.place, o.from_lo, o.from_hi, o.to_lo, o.to_hi,
  CASE WHEN o.to_lo = 253402300799000000 THEN (
    SELECT s.seen FROM place_seen AS s WHERE s.place = o.place AND s.tx_from < :tx
    ORDER BY s.tx_from DESC LIMIT 1) END,
  c.stage, o.class, o.entry, d.body, o.latest, c.since_lo, c.since_hi,
  i.item, i.type, i.name, i.version, i.digest, i.filename, i.admits
FROM places AS q CROSS JOIN occupancy AS o ON o.place = q.place
  CROSS JOIN lineage_items AS c
  ON c.lineage = o.lineage AND c.ord_from <= o.ord AND c.ord_to >= o.ord
  JOIN items AS i ON i.item = c.item JOIN details AS d ON d.detail = c.detail
WHERE q.asset = :asset AND o.tx_from < :tx AND o.tx_to >= :tx AND o.to_hi >= :start
  AND (o.from_lo < :until OR c.since_lo < :until
    OR (c.since_lo IS NULL AND c.since_hi IS NOT NULL));

-- name: find_assets_by_name
-- Assets with these names, as last known.
SELECT a.asset, a.name, s.kind, s.since
FROM json_each(:names) AS k JOIN inventory_assets AS a ON a.name = k.value
  JOIN asset_states AS s ON s.asset = a.asset
WHERE s.tx_from = (SELECT max(n.tx_from) FROM asset_states AS n
  WHERE n.asset = a.asset AND n.since <> 253402300799000000);

-- name: find_assets_by_id
-- Assets with these numbers, as last known.
SELECT a.asset, a.name, s.kind, s.since
FROM json_each(:ids) AS k JOIN inventory_assets AS a ON a.asset = k.value
  JOIN asset_states AS s ON s.asset = a.asset
WHERE s.tx_from = (SELECT max(n.tx_from) FROM asset_states AS n
  WHERE n.asset = a.asset AND n.since <> 253402300799000000);

-- name: find_places_by_id
-- Places with these numbers.
SELECT p.place, p.asset, p.kind, p.locator, coalesce(l.name, '')
FROM json_each(:ids) AS k JOIN places AS p ON p.place = k.value
  LEFT JOIN lineages AS l ON l.lineage = p.lineage;

-- name: list_watched
-- Looks at places of these assets that bear on a window.
SELECT p.asset, l.place, l.event, l.at_lo, l.at_hi, l.ended, l.whole, l.gaps, l.entry
FROM json_each(:assets) AS k CROSS JOIN places AS p ON p.asset = k.value
  CROSS JOIN looks AS l ON l.place = p.place
WHERE l.entry < :tx AND l.tx_to >= :tx AND l.at_lo < :until AND l.at_hi >= :start
  AND (l.at_hi > :start OR l.at_lo >= :start)
UNION ALL SELECT p.asset, l.place, l.event, l.at_lo, l.at_hi, l.ended, l.whole, l.gaps, l.entry
FROM json_each(:assets) AS k CROSS JOIN places AS p ON p.asset = k.value
  JOIN looks AS l ON l.entry = (
  SELECT n.entry FROM looks AS n
  WHERE n.place = p.place AND n.entry < :tx AND n.tx_to >= :tx
    AND n.at_hi <= :start AND n.at_lo < :start
  ORDER BY n.at_hi DESC, n.at_lo DESC, n.entry DESC LIMIT 1)
UNION ALL SELECT p.asset, l.place, l.event, l.at_lo, l.at_hi, l.ended, l.whole, l.gaps, l.entry
FROM json_each(:assets) AS k CROSS JOIN places AS p ON p.asset = k.value
  JOIN looks AS l ON l.entry = (
  SELECT n.entry FROM looks AS n
  WHERE n.place = p.place AND n.entry < :tx AND n.tx_to >= :tx
    AND n.at_hi >= :until AND n.at_lo >= :until
  ORDER BY n.at_lo, n.at_hi, n.entry LIMIT 1);

-- name: list_all_watched
-- Looks at any place that bear on a window.
SELECT p.asset, l.place, l.event, l.at_lo, l.at_hi, l.ended, l.whole, l.gaps, l.entry
FROM places AS p CROSS JOIN looks AS l ON l.place = p.place
WHERE l.entry < :tx AND l.tx_to >= :tx AND l.at_lo < :until AND l.at_hi >= :start
  AND (l.at_hi > :start OR l.at_lo >= :start)
UNION ALL SELECT p.asset, l.place, l.event, l.at_lo, l.at_hi, l.ended, l.whole, l.gaps, l.entry
FROM places AS p JOIN looks AS l ON l.entry = (
  SELECT n.entry FROM looks AS n
  WHERE n.place = p.place AND n.entry < :tx AND n.tx_to >= :tx
    AND n.at_hi <= :start AND n.at_lo < :start
  ORDER BY n.at_hi DESC, n.at_lo DESC, n.entry DESC LIMIT 1)
UNION ALL SELECT p.asset, l.place, l.event, l.at_lo, l.at_hi, l.ended, l.whole, l.gaps, l.entry
FROM places AS p JOIN looks AS l ON l.entry = (
  SELECT n.entry FROM looks AS n
  WHERE n.place = p.place AND n.entry < :tx AND n.tx_to >= :tx
    AND n.at_hi >= :until AND n.at_lo >= :until
  ORDER BY n.at_lo, n.at_hi, n.entry LIMIT 1);

-- name: list_holds
-- Identities that these assets may have held, by places with contents of their own.
SELECT a.name, n.kind, n.name, n.local, n.locator, h.from_lo, h.from_hi, h.to_lo, h.to_hi,
  CASE WHEN h.to_lo = 253402300799000000 THEN (
    SELECT s.seen FROM place_seen AS s WHERE s.place = h.place AND s.tx_from < :tx
    ORDER BY s.tx_from DESC LIMIT 1) END,
  h.class, h.entry
FROM json_each(:assets) AS k CROSS JOIN holdings AS h ON h.asset = k.value
  JOIN inventory_assets AS a ON a.asset = h.asset
  JOIN identities AS n ON n.identity = h.identity
WHERE h.tx_from < :tx AND h.tx_to >= :tx AND h.from_lo < :until AND h.to_hi >= :start
  AND (h.to_hi > :start OR h.from_lo >= :start);

-- name: list_holds_of_lineages
-- Identities that these assets may have held, by places that share contents.
SELECT a.name, n.kind, n.name, n.local, n.locator, o.from_lo, o.from_hi, o.to_lo, o.to_hi,
  CASE WHEN o.to_lo = 253402300799000000 THEN (
    SELECT s.seen FROM place_seen AS s WHERE s.place = o.place AND s.tx_from < :tx
    ORDER BY s.tx_from DESC LIMIT 1) END,
  o.class, o.entry
FROM json_each(:assets) AS k CROSS JOIN places AS q ON q.asset = k.value AND q.lineage <> 0
  CROSS JOIN lineage_identities AS c ON c.lineage = q.lineage
  CROSS JOIN occupancy AS o
  ON o.place = q.place AND o.ord >= c.ord_from AND o.ord <= c.ord_to
  JOIN inventory_assets AS a ON a.asset = o.asset
  JOIN identities AS n ON n.identity = c.identity
WHERE o.tx_from < :tx AND o.tx_to >= :tx AND o.from_lo < :until AND o.to_hi >= :start
  AND (o.to_hi > :start OR o.from_lo >= :start);

-- name: list_holders
-- Who may have held these identities, by places with contents of their own.
SELECT a.name, n.kind, n.name, n.local, n.locator, h.from_lo, h.from_hi, h.to_lo, h.to_hi,
  CASE WHEN h.to_lo = 253402300799000000 THEN (
    SELECT s.seen FROM place_seen AS s WHERE s.place = h.place AND s.tx_from < :tx
    ORDER BY s.tx_from DESC LIMIT 1) END,
  h.class, h.entry
FROM json_each(:identities) AS k CROSS JOIN holdings AS h ON h.identity = k.value
  JOIN inventory_assets AS a ON a.asset = h.asset
  JOIN identities AS n ON n.identity = h.identity
WHERE h.tx_from < :tx AND h.tx_to >= :tx AND h.from_lo < :until AND h.to_hi >= :start
  AND (h.to_hi > :start OR h.from_lo >= :start);

-- name: list_holders_of_lineages
-- Who may have held these identities, by places that share contents.
SELECT a.name, n.kind, n.name, n.local, n.locator, o.from_lo, o.from_hi, o.to_lo, o.to_hi,
  CASE WHEN o.to_lo = 253402300799000000 THEN (
    SELECT s.seen FROM place_seen AS s WHERE s.place = o.place AND s.tx_from < :tx
    ORDER BY s.tx_from DESC LIMIT 1) END,
  o.class, o.entry
FROM json_each(:identities) AS k CROSS JOIN lineage_identities AS c ON c.identity = k.value
  CROSS JOIN occupancy AS o
  ON o.lineage = c.lineage AND o.ord >= c.ord_from AND o.ord <= c.ord_to
  JOIN inventory_assets AS a ON a.asset = o.asset
  JOIN identities AS n ON n.identity = c.identity
WHERE o.tx_from < :tx AND o.tx_to >= :tx AND o.from_lo < :until AND o.to_hi >= :start
  AND (o.to_hi > :start OR o.from_lo >= :start);

-- name: list_all_holds_of_lineages
-- Every identity that was held, by places that share contents.
SELECT a.name, n.kind, n.name, n.local, n.locator, o.from_lo, o.from_hi, o.to_lo, o.to_hi,
  CASE WHEN o.to_lo = 253402300799000000 THEN (
    SELECT s.seen FROM place_seen AS s WHERE s.place = o.place AND s.tx_from < :tx
    ORDER BY s.tx_from DESC LIMIT 1) END,
  o.class, o.entry
FROM lineage_identities AS c CROSS JOIN occupancy AS o
  ON o.lineage = c.lineage AND o.ord >= c.ord_from AND o.ord <= c.ord_to
  JOIN inventory_assets AS a ON a.asset = o.asset
  JOIN identities AS n ON n.identity = c.identity
WHERE o.tx_from < :tx AND o.tx_to >= :tx AND o.from_lo < :until AND o.to_hi >= :start
  AND (o.to_hi > :start OR o.from_lo >= :start);

-- name: find_identities_by_name
-- Identities of these kinds and names.
SELECT n.identity, n.kind, n.name, n.local
FROM json_each(:names) AS k JOIN identities AS n
  ON n.kind = json_extract(k.value, '$[0]') AND n.name = json_extract(k.value, '$[1]');

-- name: list_edges_from
-- Facts of a relation with one of these subjects.
SELECT e.relation, s.name, o.name, e.from_lo, e.from_hi, e.to_lo, e.to_hi, e.class, e.entry, e.note
FROM json_each(:names) AS k JOIN entities AS s ON s.name = k.value
  CROSS JOIN edges AS e ON e.relation = :relation AND e.subject = s.entity
  JOIN entities AS o ON o.entity = e.object
WHERE e.entry < :tx AND e.tx_to >= :tx;

-- name: list_edges_to
-- Facts of a relation with one of these objects.
SELECT e.relation, s.name, o.name, e.from_lo, e.from_hi, e.to_lo, e.to_hi, e.class, e.entry, e.note
FROM json_each(:names) AS k JOIN entities AS o ON o.name = k.value
  CROSS JOIN edges AS e ON e.relation = :relation AND e.object = o.entity
  JOIN entities AS s ON s.entity = e.subject
WHERE e.entry < :tx AND e.tx_to >= :tx;

-- name: list_asset_names
-- Names of these assets, whether or not anything is known of them now.
SELECT a.name FROM json_each(:ids) AS k JOIN inventory_assets AS a ON a.asset = k.value;

-- name: list_run_hits
-- Blocks of runs that may have had any of these items.
SELECT c.item, c.stage, c.since_lo, c.since_hi, d.body, r.series, r.run_asset, b.body
FROM json_each(:items) AS k CROSS JOIN lineage_items AS c ON c.item = k.value
  CROSS JOIN run_places AS r ON r.lineage = c.lineage
  CROSS JOIN run_blocks AS b ON b.series = r.series AND b.ord >= c.ord_from AND b.ord <= c.ord_to
  JOIN details AS d ON d.detail = c.detail
WHERE b.entry_min < :tx AND b.hi_max >= :start
  AND (b.lo_min < :until OR c.since_lo < :until
    OR (c.since_lo IS NULL AND c.since_hi IS NOT NULL));

-- name: list_run_asset_hits
-- Blocks that may hold a run, with what it had of these projects.
SELECT c.item, c.stage, c.since_lo, c.since_hi, d.body, r.series, r.run_asset, b.body
FROM json_each(:names) AS k CROSS JOIN items AS i
  ON i.type = json_extract(k.value, '$[0]') AND i.name = json_extract(k.value, '$[1]')
  CROSS JOIN run_places AS r ON r.run_asset = :run_asset
  CROSS JOIN lineage_items AS c ON c.item = i.item AND c.lineage = r.lineage
  CROSS JOIN run_blocks AS b ON b.series = r.series AND b.ord >= c.ord_from AND b.ord <= c.ord_to
  JOIN details AS d ON d.detail = c.detail
WHERE b.number_min <= :number AND b.number_max >= :number AND b.entry_min < :tx;

-- name: list_run_contents
-- Blocks that may hold a run, with all that it had.
SELECT c.item, c.stage, c.since_lo, c.since_hi, d.body,
  i.item, i.type, i.name, i.version, i.digest, i.filename, i.admits, r.series, r.run_asset, b.body
FROM run_places AS r CROSS JOIN run_blocks AS b ON b.series = r.series
  CROSS JOIN lineage_items AS c
  ON c.lineage = r.lineage AND c.ord_from <= b.ord AND c.ord_to >= b.ord
  JOIN items AS i ON i.item = c.item JOIN details AS d ON d.detail = c.detail
WHERE r.run_asset = :run_asset
  AND b.number_min <= :number AND b.number_max >= :number AND b.entry_min < :tx;

-- name: find_run_prefixes
-- Names of series of runs.
SELECT a.run_asset, a.prefix
FROM json_each(:ids) AS k JOIN run_assets AS a ON a.run_asset = k.value;

-- name: find_run_places_by_id
-- Series of places.
SELECT r.series, r.run_asset, r.kind, r.locator, l.name
FROM json_each(:ids) AS k JOIN run_places AS r ON r.series = k.value
  JOIN lineages AS l ON l.lineage = r.lineage;

-- name: list_run_holders
-- Blocks of runs that held one of these identities.
SELECT a.prefix, n.kind, n.name, n.local, n.locator, r.series, r.run_asset, b.body
FROM lineage_identities AS c
  JOIN identities AS n ON n.identity = c.identity
  JOIN run_places AS r ON r.lineage = c.lineage
  JOIN run_blocks AS b ON b.series = r.series AND b.ord >= c.ord_from AND b.ord <= c.ord_to
  JOIN run_assets AS a ON a.run_asset = r.run_asset
WHERE b.entry_min < :tx AND c.identity IN (SELECT value FROM json_each(:identities));
