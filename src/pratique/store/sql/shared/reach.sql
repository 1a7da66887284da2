-- name: list_reach_edges
-- Every `assumes` fact that counts at a ledger size, for the graph of reach.
SELECT subject, object, from_lo, to_hi, entry
FROM edges
WHERE relation = 'assumes' AND entry < :tx AND tx_to >= :tx;

-- name: list_rotations
-- Every `rotated` fact that counts at a ledger size.
SELECT subject, from_lo, from_hi, entry
FROM edges
WHERE relation = 'rotated' AND entry < :tx AND tx_to >= :tx;

-- name: list_reach_names
-- The identities that any of these facts name, superseded ones included.
SELECT entity, name
FROM entities
WHERE entity IN (
  SELECT subject FROM edges WHERE relation = 'assumes'
  UNION SELECT object FROM edges WHERE relation = 'assumes'
  UNION SELECT subject FROM edges WHERE relation = 'rotated'
);

-- name: find_reach_change
-- Whether any of these facts came or went since a ledger size; few rows are read when few came.
SELECT 1 FROM edges
WHERE entry >= :since AND relation IN ('assumes', 'rotated')
UNION ALL
SELECT 1 FROM edges
WHERE tx_to >= :since AND tx_to <> 9007199254740991 AND relation IN ('assumes', 'rotated')
LIMIT 1;
