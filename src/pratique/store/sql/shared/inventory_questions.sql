-- name: list_items_named
-- Items of these projects.
SELECT {{item}}
FROM {{rows k :names}} {{then}} items AS i
  ON i.type = {{text k 0}} AND i.name = {{text k 1}}
WHERE i.entry < :tx;

-- name: list_items_with_digest
-- Items with one of these digests.
SELECT {{item}}
FROM items AS i
WHERE i.digest {{among :digests text}} AND i.digest <> '' AND i.entry < :tx;

-- name: list_hits
-- Where any of these items may have been, places with contents of their own.
SELECT {{sighting p}}
FROM {{each k :items bigint}} {{then}} presence AS p ON p.item = k.value
  JOIN details AS d ON d.detail = p.detail
WHERE {{counts p}}
  AND {{meets p}};

-- name: list_lineage_hits
-- Where any of these items may have been, places that share contents.
SELECT {{shared_sighting c o}}
FROM {{each k :items bigint}} {{then}} lineage_items AS c ON c.item = k.value
  {{then}} occupancy AS o
  ON o.lineage = c.lineage AND {{in_content o c}}
  JOIN details AS d ON d.detail = c.detail
WHERE {{counts o}} AND o.to_hi >= :start
  AND {{dated_before o.from_lo c}};

-- name: list_asset_hits
-- What an asset ever had of these projects, places with contents of their own.
SELECT {{sighting p}}
FROM {{rows k :names}} {{then}} items AS i
  ON i.type = {{text k 0}} AND i.name = {{text k 1}}
  {{then}} places AS q ON q.asset = :asset
  {{then}} presence AS p ON p.item = i.item AND p.place = q.place
  JOIN details AS d ON d.detail = p.detail
WHERE {{counts p}};

-- name: list_asset_lineage_hits
-- What an asset ever had of these projects, places that share contents.
SELECT {{shared_sighting c o}}
FROM {{rows k :names}} {{then}} items AS i
  ON i.type = {{text k 0}} AND i.name = {{text k 1}}
  {{then}} places AS q ON q.asset = :asset
  {{then}} lineage_items AS c ON c.item = i.item AND c.lineage = q.lineage
  {{then}} occupancy AS o
  ON o.place = q.place AND {{in_content o c}}
  JOIN details AS d ON d.detail = c.detail
WHERE {{counts o}};

-- name: list_contents
-- What an asset may have held, places with contents of their own.
SELECT {{sighting p}},
  {{item}}
FROM places AS q {{then}} presence AS p ON p.place = q.place
  JOIN items AS i ON i.item = p.item JOIN details AS d ON d.detail = p.detail
WHERE q.asset = :asset AND {{counts p}}
  AND {{meets p}};

-- name: list_lineage_contents
-- What an asset may have held, places that share contents.
SELECT {{shared_sighting c o}},
  {{item}}
FROM places AS q {{then}} occupancy AS o ON o.place = q.place
  {{then}} lineage_items AS c
  ON c.lineage = o.lineage AND c.ord_from <= o.ord AND c.ord_to >= o.ord
  JOIN items AS i ON i.item = c.item JOIN details AS d ON d.detail = c.detail
WHERE q.asset = :asset AND {{counts o}} AND o.to_hi >= :start
  AND {{dated_before o.from_lo c}};

-- name: find_assets_by_name
-- Assets with these names, as last known.
SELECT a.asset, a.name, s.kind, s.since
FROM {{each k :names text}} JOIN inventory_assets AS a ON a.name = k.value
  JOIN asset_states AS s ON s.asset = a.asset
WHERE {{known_state}};

-- name: find_assets_by_id
-- Assets with these numbers, as last known.
SELECT a.asset, a.name, s.kind, s.since
FROM {{each k :ids bigint}} JOIN inventory_assets AS a ON a.asset = k.value
  JOIN asset_states AS s ON s.asset = a.asset
WHERE {{known_state}};

-- name: find_places_by_id
-- Places with these numbers.
SELECT p.place, p.asset, p.kind, p.locator, coalesce(l.name, '')
FROM {{each k :ids bigint}} JOIN places AS p ON p.place = k.value
  LEFT JOIN lineages AS l ON l.lineage = p.lineage;

-- name: list_watched
-- Looks at places of these assets that bear on a window.
SELECT {{look}}
FROM {{each k :assets bigint}} {{then}} places AS p ON p.asset = k.value
  {{then}} looks AS l ON l.place = p.place
WHERE {{look_in_window}}
UNION ALL SELECT {{look}}
FROM {{each k :assets bigint}} {{then}} places AS p ON p.asset = k.value
  JOIN looks AS l ON l.entry = {{last_look_before}}
UNION ALL SELECT {{look}}
FROM {{each k :assets bigint}} {{then}} places AS p ON p.asset = k.value
  JOIN looks AS l ON l.entry = {{first_look_after}};

-- name: list_all_watched
-- Looks at any place that bear on a window.
SELECT {{look}}
FROM places AS p {{then}} looks AS l ON l.place = p.place
WHERE {{look_in_window}}
UNION ALL SELECT {{look}}
FROM places AS p JOIN looks AS l ON l.entry = {{last_look_before}}
UNION ALL SELECT {{look}}
FROM places AS p JOIN looks AS l ON l.entry = {{first_look_after}};

-- name: list_holds
-- Identities that these assets may have held, by places with contents of their own.
SELECT {{holding h}}
FROM {{each k :assets bigint}} {{then}} holdings AS h ON h.asset = k.value
  JOIN inventory_assets AS a ON a.asset = h.asset
  JOIN identities AS n ON n.identity = h.identity
WHERE {{counts h}} AND {{meets h}};

-- name: list_holds_of_lineages
-- Identities that these assets may have held, by places that share contents.
SELECT {{holding o}}
FROM {{each k :assets bigint}} {{then}} places AS q ON q.asset = k.value AND q.lineage <> 0
  {{then}} lineage_identities AS c ON c.lineage = q.lineage
  {{then}} occupancy AS o
  ON o.place = q.place AND {{in_content o c}}
  JOIN inventory_assets AS a ON a.asset = o.asset
  JOIN identities AS n ON n.identity = c.identity
WHERE {{counts o}} AND {{meets o}};

-- name: list_holders
-- Who may have held these identities, by places with contents of their own.
SELECT {{holding h}}
FROM {{each k :identities bigint}} {{then}} holdings AS h ON h.identity = k.value
  JOIN inventory_assets AS a ON a.asset = h.asset
  JOIN identities AS n ON n.identity = h.identity
WHERE {{counts h}} AND {{meets h}};

-- name: list_holders_of_lineages
-- Who may have held these identities, by places that share contents.
SELECT {{holding o}}
FROM {{each k :identities bigint}} {{then}} lineage_identities AS c ON c.identity = k.value
  {{then}} occupancy AS o
  ON o.lineage = c.lineage AND {{in_content o c}}
  JOIN inventory_assets AS a ON a.asset = o.asset
  JOIN identities AS n ON n.identity = c.identity
WHERE {{counts o}} AND {{meets o}};

-- name: list_all_holds_of_lineages
-- Every identity that was held, by places that share contents.
SELECT {{holding o}}
FROM lineage_identities AS c {{then}} occupancy AS o
  ON o.lineage = c.lineage AND {{in_content o c}}
  JOIN inventory_assets AS a ON a.asset = o.asset
  JOIN identities AS n ON n.identity = c.identity
WHERE {{counts o}} AND {{meets o}};

-- name: find_identities_by_name
-- Identities of these kinds and names.
SELECT n.identity, n.kind, n.name, n.local
FROM {{rows k :names}} JOIN identities AS n
  ON n.kind = {{text k 0}} AND n.name = {{text k 1}};

-- name: list_edges_from
-- Facts of a relation with one of these subjects.
SELECT {{edge}}
FROM {{each k :names text}} JOIN entities AS s ON s.name = k.value
  {{then}} edges AS e ON e.relation = :relation AND e.subject = s.entity
  JOIN entities AS o ON o.entity = e.object
WHERE e.entry < :tx AND e.tx_to >= :tx;

-- name: list_edges_to
-- Facts of a relation with one of these objects.
SELECT {{edge}}
FROM {{each k :names text}} JOIN entities AS o ON o.name = k.value
  {{then}} edges AS e ON e.relation = :relation AND e.object = o.entity
  JOIN entities AS s ON s.entity = e.subject
WHERE e.entry < :tx AND e.tx_to >= :tx;

-- name: list_asset_names
-- Names of these assets, whether or not anything is known of them now.
SELECT a.name FROM {{each k :ids bigint}} JOIN inventory_assets AS a ON a.asset = k.value;

-- name: list_run_hits
-- Blocks of runs that may have had any of these items.
SELECT {{run_sighting}}, r.series, r.run_asset, b.body
FROM {{each k :items bigint}} {{then}} lineage_items AS c ON c.item = k.value
  {{then}} run_places AS r ON r.lineage = c.lineage
  {{then}} run_blocks AS b ON b.series = r.series AND {{in_content b c}}
  JOIN details AS d ON d.detail = c.detail
WHERE b.entry_min < :tx AND b.hi_max >= :start
  AND {{dated_before b.lo_min c}};

-- name: list_run_asset_hits
-- Blocks that may hold a run, with what it had of these projects.
SELECT {{run_sighting}}, r.series, r.run_asset, b.body
FROM {{rows k :names}} {{then}} items AS i
  ON i.type = {{text k 0}} AND i.name = {{text k 1}}
  {{then}} run_places AS r ON r.run_asset = :run_asset
  {{then}} lineage_items AS c ON c.item = i.item AND c.lineage = r.lineage
  {{then}} run_blocks AS b ON b.series = r.series AND {{in_content b c}}
  JOIN details AS d ON d.detail = c.detail
WHERE b.number_min <= :number AND b.number_max >= :number AND b.entry_min < :tx;

-- name: list_run_contents
-- Blocks that may hold a run, with all that it had.
SELECT {{run_sighting}},
  {{item}}, r.series, r.run_asset, b.body
FROM run_places AS r {{then}} run_blocks AS b ON b.series = r.series
  {{then}} lineage_items AS c
  ON c.lineage = r.lineage AND c.ord_from <= b.ord AND c.ord_to >= b.ord
  JOIN items AS i ON i.item = c.item JOIN details AS d ON d.detail = c.detail
WHERE r.run_asset = :run_asset
  AND b.number_min <= :number AND b.number_max >= :number AND b.entry_min < :tx;

-- name: find_run_prefixes
-- Names of series of runs.
SELECT a.run_asset, a.prefix
FROM {{each k :ids bigint}} JOIN run_assets AS a ON a.run_asset = k.value;

-- name: find_run_places_by_id
-- Series of places.
SELECT r.series, r.run_asset, r.kind, r.locator, l.name
FROM {{each k :ids bigint}} JOIN run_places AS r ON r.series = k.value
  JOIN lineages AS l ON l.lineage = r.lineage;

-- name: list_run_holders
-- Blocks of runs that held one of these identities.
SELECT a.prefix, n.kind, n.name, n.local, n.locator, r.series, r.run_asset, b.body
FROM lineage_identities AS c
  JOIN identities AS n ON n.identity = c.identity
  JOIN run_places AS r ON r.lineage = c.lineage
  JOIN run_blocks AS b ON b.series = r.series AND {{in_content b c}}
  JOIN run_assets AS a ON a.run_asset = r.run_asset
WHERE b.entry_min < :tx AND c.identity {{among :identities bigint}};
