-- word: seen row
-- When the place of a row was last seen, of what is still there.
CASE WHEN $row.to_lo = 253402300799000000 THEN (
    SELECT s.seen FROM place_seen AS s WHERE s.place = $row.place AND s.tx_from < :tx
    ORDER BY s.tx_from DESC LIMIT 1) END

-- word: bounds row
-- The four bounds of a row, and when its place was last seen.
$row.from_lo, $row.from_hi, $row.to_lo, $row.to_hi,
  {{seen $row}}

-- word: sighting row
-- Columns of an item at a place of its own.
$row.item, $row.asset, $row.place, {{bounds $row}},
  $row.stage, $row.class, $row.entry, d.body

-- word: shared_sighting item content
-- Columns of an item in a content that places share.
$item.item, $content.asset, $content.place, {{bounds $content}},
  $item.stage, $content.class, $content.entry, d.body, $content.latest, $item.since_lo, $item.since_hi

-- word: item
-- Columns of an item.
i.item, i.type, i.name, i.version, i.digest, i.filename, i.admits

-- word: holding row
-- Columns of an identity held.
a.name, n.kind, n.name, n.local, n.locator, {{bounds $row}},
  $row.class, $row.entry

-- word: counts row
-- That a row counts at a ledger size.
$row.tx_from < :tx AND $row.tx_to >= :tx

-- word: meets row
-- That a row may have been there in a window.
$row.from_lo < :until AND $row.to_hi >= :start
  AND ($row.to_hi > :start OR $row.from_lo >= :start)

-- word: dated_before start item
-- That an item, perhaps dated by its evidence, may have been there before the end of a window.
($start < :until OR $item.since_lo < :until
    OR ($item.since_lo IS NULL AND $item.since_hi IS NOT NULL))

-- word: in_content row item
-- That an item lies in the content that a row has.
$row.ord >= $item.ord_from AND $row.ord <= $item.ord_to

-- word: known_state
-- The last state of an asset of which anything is known.
s.tx_from = (SELECT max(n.tx_from) FROM asset_states AS n
  WHERE n.asset = a.asset AND n.since <> 253402300799000000)

-- word: look
-- Columns of a look.
p.asset, l.place, l.event, l.at_lo, l.at_hi, l.ended, l.whole, l.gaps, l.entry

-- word: look_in_window
-- That a look bears on a window.
l.entry < :tx AND l.tx_to >= :tx AND l.at_lo < :until AND l.at_hi >= :start
  AND (l.at_hi > :start OR l.at_lo >= :start)

-- word: last_look_before
-- The last look of a place before a window.
(
  SELECT n.entry FROM looks AS n
  WHERE n.place = p.place AND n.entry < :tx AND n.tx_to >= :tx
    AND n.at_hi <= :start AND n.at_lo < :start
  ORDER BY n.at_hi DESC, n.at_lo DESC, n.entry DESC LIMIT 1)

-- word: first_look_after
-- The first look of a place after a window.
(
  SELECT n.entry FROM looks AS n
  WHERE n.place = p.place AND n.entry < :tx AND n.tx_to >= :tx
    AND n.at_hi >= :until AND n.at_lo >= :until
  ORDER BY n.at_lo, n.at_hi, n.entry LIMIT 1)

-- word: edge
-- Columns of a fact.
e.relation, s.name, o.name, e.from_lo, e.from_hi, e.to_lo, e.to_hi, e.class, e.entry, e.note

-- word: run_sighting
-- Columns of an item in a content that packed runs had.
c.item, c.stage, c.since_lo, c.since_hi, d.body

-- word: ends_after row moment
-- That a row is still there after an instant; what lasts no time counts at its instant.
{{later $row.to_hi $row.from_lo+1}} > $moment

-- word: taken_from_exposed
-- What exposed assets (number, start, end) held meanwhile, as names with the earliest instants.
hit AS MATERIALIZED (
  SELECT {{number k 0}} AS asset, {{number k 1}} AS lo,
    {{number k 2}} AS hi
  FROM {{rows k :exposed}}
), known AS MATERIALIZED (
  SELECT hit.asset AS asset, hit.lo AS lo, hit.hi AS hi, a.name AS name, e.entity AS entity
  FROM hit {{then}} inventory_assets AS a ON a.asset = hit.asset
    LEFT JOIN entities AS e ON e.name = 'asset:' || a.name
), taken AS MATERIALIZED (
  SELECT h.identity AS identity, k.asset AS asset, k.name AS name, {{later k.lo h.from_lo}} AS at
  FROM known AS k {{then}} holdings AS h ON h.asset = k.asset
  WHERE {{counts h}}
    AND h.from_lo < k.hi AND {{ends_after h k.lo}}
  UNION ALL
  SELECT c.identity, k.asset, k.name, {{later k.lo o.from_lo}}
  FROM known AS k {{then}} places AS q ON q.asset = k.asset AND q.lineage <> 0
    {{then}} lineage_identities AS c ON c.lineage = q.lineage
    {{then}} occupancy AS o ON o.place = q.place AND {{in_content o c}}
  WHERE {{counts o}}
    AND o.from_lo < k.hi AND {{ends_after o k.lo}}
), named AS MATERIALIZED (
  SELECT CASE n.local WHEN 0 THEN 'identity:' || n.kind || '/' || n.name
    ELSE 'identity:' || n.kind || '/' || t.name || '/' || n.name END AS name, t.at AS at
  FROM taken AS t {{then}} identities AS n ON n.identity = t.identity
  UNION ALL
  SELECT o.name, {{later k.lo e.from_lo}}
  FROM known AS k {{then}} edges AS e ON e.relation = 'holds' AND e.subject = k.entity
    {{then}} entities AS o ON o.entity = e.object
  WHERE e.entry < :tx AND e.tx_to >= :tx
    AND e.from_lo < k.hi AND {{ends_after e k.lo}}
  UNION ALL
  SELECT {{text k 0}}, {{number k 1}} FROM {{rows k :told}}
)
