-- word: each row list type
-- Rows of a list, as `row.value`.
json_each($list) AS $row

-- word: pairs row list
-- Rows of a list of pairs.
json_each($list) AS $row

-- word: first row
-- The first text of a pair.
json_extract($row.value, '$[0]')

-- word: second row
-- The second text of a pair.
json_extract($row.value, '$[1]')

-- word: among list type
-- That what stands before it is in a list.
IN (SELECT value FROM json_each($list))

-- word: then
-- A join of which the left side is looked up first: SQLite keeps the order of cross joins.
CROSS JOIN
