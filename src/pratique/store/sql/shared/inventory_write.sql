-- name: last_asset
-- Highest number of an asset that was never packed.
SELECT max(asset) FROM inventory_assets WHERE asset < 2305843009213693952;

-- name: add_inventory_asset
-- A name that looks or facts use.
INSERT INTO inventory_assets (asset, name) VALUES (:number, :key);

-- name: last_item
-- Highest number of an item.
SELECT max(item) FROM items;

-- name: add_item
-- A release or file that some evidence named.
INSERT INTO items (item, hash, type, name, version, digest, filename, admits, entry)
VALUES (:number, :key, :type, :name, :version, :digest, :filename, :admits, :entry);

-- name: last_identity
-- Highest number of an identity.
SELECT max(identity) FROM identities;

-- name: add_identity
-- A credential that some asset was seen to hold.
INSERT INTO identities (identity, hash, kind, name, locator, fingerprint, local)
VALUES (:number, :key, :kind, :name, :locator, :fingerprint, :local);

-- name: last_detail
-- Highest number of a detail.
SELECT max(detail) FROM details;

-- name: add_detail
-- What a sighting says beyond its item.
INSERT INTO details (detail, hash, body) VALUES (:number, :key, :body);

-- name: last_entity
-- Highest number of an entity.
SELECT max(entity) FROM entities;

-- name: add_entity
-- An entity that a fact named.
INSERT INTO entities (entity, name) VALUES (:number, :key);

-- name: last_place
-- Highest number of a place that was never packed.
SELECT max(place) FROM places WHERE place < 2305843009213693952;

-- name: add_place
-- A place that was never looked at before; its state follows in the same transaction.
INSERT INTO places (place, hash, asset, kind, locator, lineage, machine, content, looks, last_hi,
  ends_in_point, absent_since, seen, unsure, tangled)
VALUES (:place, :hash, :asset, :kind, :locator, :lineage, :machine, 0, 0, 0, 0, 0, 0, 0, 0);

-- name: set_place
-- What the newest look left at a place.
UPDATE places SET content = :content, looks = :looks, last_hi = :last_hi,
  ends_in_point = :ends_in_point, absent_since = :absent_since, seen = :seen, unsure = :unsure,
  tangled = :tangled
WHERE place = :place;

-- name: add_place_seen
-- Until when anything was seen at a place, as known from an entry on.
INSERT INTO place_seen (place, tx_from, seen) VALUES (:place, :tx_from, :seen);

-- name: list_machines
-- Machines whose looks use an asset's name.
SELECT DISTINCT machine FROM places WHERE asset = :asset AND machine <> '';

-- name: add_name_conflict
-- A second machine uses an asset's name.
INSERT INTO name_conflicts (asset, entry) VALUES (:asset, :entry) ON CONFLICT (asset) DO NOTHING;

-- name: last_lineage
-- Highest number of a lineage.
SELECT max(lineage) FROM lineages;

-- name: add_lineage
-- A history of contents that places share; its state follows in the same transaction.
INSERT INTO lineages (lineage, hash, name, content, last_ord) VALUES (:lineage, :hash, :name, 0, 0);

-- name: set_lineage
-- The newest content of a lineage.
UPDATE lineages SET content = :content, last_ord = :last_ord WHERE lineage = :lineage;

-- name: find_ord
-- Number of a content in a lineage.
SELECT ord FROM lineage_contents WHERE lineage = :lineage AND content = :content;

-- name: add_lineage_content
-- A content that is new to a lineage.
INSERT INTO lineage_contents (lineage, content, ord) VALUES (:lineage, :content, :ord);

-- name: end_lineage_item
-- The newest content of a lineage lacks a sighting.
UPDATE lineage_items SET ord_to = :ord_to
WHERE lineage = :lineage AND sighting = :sighting AND ord_to = 9007199254740991;

-- name: end_lineage_identity
-- The newest content of a lineage lacks an identity.
UPDATE lineage_identities SET ord_to = :ord_to
WHERE lineage = :lineage AND identity = :identity AND ord_to = 9007199254740991;

-- name: add_asset_state
-- What is known of an asset as a whole, from an entry on.
INSERT INTO asset_states (asset, tx_from, kind, since) VALUES (:asset, :tx_from, :kind, :since);

-- name: find_asset_looks
-- Earliest look at an asset, and the sort of asset that the first look to tell it names.
SELECT min(l.at_lo),
  (SELECT n.asset_kind FROM places AS q JOIN looks AS n ON n.place = q.place
   WHERE q.asset = :asset AND n.tx_to = 9007199254740991 AND n.asset_kind <> 'unknown'
   ORDER BY n.entry LIMIT 1)
FROM places AS p JOIN looks AS l ON l.place = p.place
WHERE p.asset = :asset AND l.tx_to = 9007199254740991;

-- name: find_asset_facts
-- Earliest instant that a fact tells of an asset.
SELECT min(CASE WHEN e.from_lo = -62135596800000000 THEN e.from_hi ELSE e.from_lo END)
FROM inventory_assets AS a
JOIN entities AS n ON n.name = 'asset:' || a.name
JOIN edges AS e ON e.tx_to = 9007199254740991 AND (
  (e.object = n.entity AND e.relation IN ('holds', 'assumes', 'opens', 'belongs-to', 'operated-by',
    'rotated', 'points-to', 'fetches-through'))
  OR (e.subject = n.entity AND e.relation IN ('holds', 'assumes', 'opens', 'belongs-to',
    'operated-by', 'rotated', 'points-to', 'fetches-through')))
WHERE a.asset = :asset;

-- name: load_content
-- A content as the change of another.
SELECT base, body FROM contents WHERE content = :content;

-- name: last_content
-- Highest number of a content.
SELECT max(content) FROM contents;

-- name: add_content
-- A content whose last part came.
INSERT INTO contents (content, name, base, depth, body)
VALUES (:content, :name, :base, :depth, :body);

-- name: list_content_parts
-- Parts of a content that came so far.
SELECT part, body FROM content_parts
WHERE name = :name AND base = :base AND parts = :parts ORDER BY part;

-- name: add_content_part
-- A part of a content that came in several entries.
INSERT INTO content_parts (name, base, parts, part, body)
VALUES (:name, :base, :parts, :part, :body);

-- name: add_look
-- A look at a place.
INSERT INTO looks (entry, place, at_lo, at_hi, event, ended, whole, begins, gaps, content,
  asset_kind, class, gained, appeared, tx_to)
VALUES (:entry, :place, :at_lo, :at_hi, :event, :ended, :whole, :begins, :gaps, :content,
  :asset_kind, :class, :gained, :appeared, 9007199254740991);

-- name: find_look
-- Where a look was, and whether it was retracted.
SELECT p.hash, p.asset, CASE WHEN l.tx_to = 9007199254740991 THEN 0 ELSE 1 END
FROM looks AS l JOIN places AS p ON p.place = l.place WHERE l.entry = :entry;

-- name: list_place_looks
-- The looks at a place that nobody retracted.
SELECT entry, at_lo, at_hi, event, ended, whole, begins, content, class
FROM looks WHERE place = :place AND tx_to = 9007199254740991;

-- name: retract_look
-- A look no longer counts.
UPDATE looks SET tx_to = :entry WHERE entry = :of AND tx_to = 9007199254740991;

-- name: list_place_presence
-- Rows of a place that nothing superseded and that ended at `earliest` or later.
SELECT item, place, tx_from, stage, entry, asset, class, from_lo, from_hi, to_lo, to_hi, detail,
  sighting
FROM presence WHERE place = :place AND tx_to = 9007199254740991 AND to_hi >= :earliest;

-- name: add_presence
-- An item was at a place.
INSERT INTO presence (item, place, tx_from, stage, entry, asset, class, from_lo, from_hi, to_lo,
  to_hi, tx_to, detail, sighting)
VALUES (:item, :place, :tx_from, :stage, :entry, :asset, :class, :from_lo, :from_hi, :to_lo,
  :to_hi, :tx_to, :detail, :sighting);

-- name: supersede_presence
-- A row no longer counts from an entry on.
UPDATE presence SET tx_to = :tx_to
WHERE item = :number AND place = :place AND tx_from = :tx_from AND stage = :stage
  AND entry = :entry AND to_hi = :ended_at AND tx_to = 9007199254740991;

-- name: resight_presence
-- Another sighting stands for a row; nothing that an answer shows.
UPDATE presence SET sighting = :sighting
WHERE item = :number AND place = :place AND tx_from = :tx_from AND stage = :stage
  AND entry = :entry AND to_hi = :ended_at;

-- name: list_place_holdings
-- As list_place_presence, identities.
SELECT identity, place, tx_from, entry, asset, class, from_lo, from_hi, to_lo, to_hi, 0, 0
FROM holdings
WHERE asset = :asset AND place = :place AND tx_to = 9007199254740991 AND to_hi >= :earliest;

-- name: add_holding
-- An identity was at a place.
INSERT INTO holdings (asset, identity, place, tx_from, entry, class, from_lo, from_hi, to_lo, to_hi,
  tx_to)
VALUES (:asset, :identity, :place, :tx_from, :entry, :class, :from_lo, :from_hi, :to_lo, :to_hi,
  :tx_to);

-- name: supersede_holding
-- A row no longer counts from an entry on.
UPDATE holdings SET tx_to = :tx_to
WHERE asset = :asset AND identity = :number AND place = :place AND tx_from = :tx_from
  AND entry = :entry;

-- name: list_place_occupancy
-- As list_place_presence, contents of a lineage.
SELECT ord, place, tx_from, entry, asset, class, from_lo, from_hi, to_lo, to_hi, lineage, latest
FROM occupancy WHERE place = :place AND tx_to = 9007199254740991 AND to_hi >= :earliest;

-- name: add_occupancy
-- A content of a lineage was at a place.
INSERT INTO occupancy (lineage, ord, place, tx_from, entry, asset, class, from_lo, from_hi, to_lo,
  to_hi, latest, tx_to)
VALUES (:lineage, :ord, :place, :tx_from, :entry, :asset, :class, :from_lo, :from_hi, :to_lo,
  :to_hi, :latest, :tx_to);

-- name: supersede_occupancy
-- A row no longer counts from an entry on.
UPDATE occupancy SET tx_to = :tx_to
WHERE lineage = :lineage AND ord = :number AND place = :place AND tx_from = :tx_from
  AND entry = :entry;

-- name: add_edge
-- A fact between two entities.
INSERT INTO edges (relation, subject, entry, number, object, from_lo, from_hi, to_lo, to_hi, class,
  note, tx_to)
VALUES (:relation, :subject, :entry, :number, :object, :from_lo, :from_hi, :to_lo, :to_hi, :class,
  :note, 9007199254740991);

-- name: list_facts_of_entry
-- Some facts of an entry, each with whether it was retracted.
SELECT CASE WHEN e.tx_to = 9007199254740991 THEN 0 ELSE 1 END, s.name, o.name
FROM edges AS e JOIN entities AS s ON s.entity = e.subject JOIN entities AS o ON o.entity = e.object
WHERE e.entry = :of AND e.number >= :first AND e.number <= :last ORDER BY e.number;

-- name: retract_facts
-- Some facts of an entry no longer count.
UPDATE edges SET tx_to = :entry
WHERE entry = :of AND number >= :first AND number <= :last AND tx_to = 9007199254740991;

-- name: find_tally
-- The newest totals below a ledger size.
SELECT entry, facts, assets FROM tallies WHERE entry < :tx ORDER BY entry DESC LIMIT 1;

-- name: sum_looks
-- What looks added since the newest totals.
SELECT coalesce(sum(gained), 0), coalesce(sum(appeared), 0)
FROM looks WHERE entry > :after AND entry < :tx;

-- name: add_tally
-- Totals after an entry.
INSERT INTO tallies (entry, facts, assets) VALUES (:entry, :facts, :assets);

-- name: last_run_asset
-- Highest number of a series of runs.
SELECT max(run_asset) FROM run_assets;

-- name: add_run_asset
-- Names of runs that differ in their number only.
INSERT INTO run_assets (run_asset, hash, prefix) VALUES (:number, :key, :prefix);

-- name: last_run_place
-- Highest number of a series of places.
SELECT max(series) FROM run_places;

-- name: list_run_places
-- The places' series of a series of runs.
SELECT series, kind, locator, lineage, last_number FROM run_places WHERE run_asset = :run_asset;

-- name: add_run_place
-- Places that differ in the run's number only.
INSERT INTO run_places (series, run_asset, kind, locator, lineage, last_number)
VALUES (:series, :run_asset, :kind, :locator, :lineage, -1);

-- name: set_run_place
-- The highest number of a run at a place's series.
UPDATE run_places SET last_number = :last_number WHERE series = :series;

-- name: find_last_run_block
-- The newest block of a content at a place's series.
SELECT block, body FROM run_blocks
WHERE series = :series AND ord = :ord ORDER BY block DESC LIMIT 1;

-- name: put_run_block
-- A new or changed block.
INSERT INTO run_blocks (series, ord, block, runs, number_min, number_max, entry_min, entry_max,
  lo_min, hi_max, body)
VALUES (:series, :ord, :block, :runs, :number_min, :number_max, :entry_min, :entry_max, :lo_min,
  :hi_max, :body)
ON CONFLICT (series, ord, block) DO UPDATE SET runs = excluded.runs,
  number_min = excluded.number_min, number_max = excluded.number_max,
  entry_min = excluded.entry_min, entry_max = excluded.entry_max,
  lo_min = excluded.lo_min, hi_max = excluded.hi_max, body = excluded.body;

-- name: remove_run_block
-- Its last run was taken out.
DELETE FROM run_blocks WHERE series = :series AND ord = :ord AND block = :block;

-- name: find_run_blocks
-- Blocks that may hold a run.
SELECT b.series, b.ord, b.block, b.body
FROM run_places AS r JOIN run_blocks AS b ON b.series = r.series
WHERE r.run_asset = :run_asset AND b.number_min <= :number AND b.number_max >= :number
ORDER BY b.series, b.ord, b.block;

-- name: find_run_blocks_of_entry
-- Blocks that may hold the run of an entry.
SELECT a.prefix, b.body
FROM run_blocks AS b JOIN run_places AS r ON r.series = b.series
  JOIN run_assets AS a ON a.run_asset = r.run_asset
WHERE b.entry_max >= :entry AND b.entry_min <= :entry;

-- name: find_content_of_ord
-- The content with a number in a lineage.
SELECT content FROM lineage_contents WHERE lineage = :lineage AND ord = :ord;

-- name: find_lineage_name
-- Name of a lineage.
SELECT name FROM lineages WHERE lineage = :lineage;

-- name: find_asset
-- Numbers of assets.
SELECT name, asset FROM inventory_assets WHERE name {{among :keys text}};

-- name: find_item
-- Numbers of items.
SELECT hash, item FROM items WHERE hash {{among :keys text}};

-- name: find_identity
-- Numbers of identities.
SELECT hash, identity FROM identities WHERE hash {{among :keys text}};

-- name: find_detail
-- Numbers of details.
SELECT hash, detail FROM details WHERE hash {{among :keys text}};

-- name: find_entity
-- Numbers of entities.
SELECT name, entity FROM entities WHERE name {{among :keys text}};

-- name: find_contents
-- Numbers of contents.
SELECT name, content, depth FROM contents WHERE name {{among :keys text}};

-- name: find_places
-- Places with their state.
SELECT hash, place, asset, lineage, content, looks, last_hi, ends_in_point, absent_since, seen,
  unsure, tangled
FROM places WHERE hash {{among :keys text}};

-- name: find_lineages
-- Lineages with their state.
SELECT hash, lineage, content, last_ord
FROM lineages WHERE hash {{among :keys text}};

-- name: find_run_asset
-- Numbers of series of runs.
SELECT hash, run_asset FROM run_assets WHERE hash {{among :keys text}};
