-- word: each row list type
-- Rows of a list, as `row.value`.
unnest(CAST($list AS $type[])) AS $row (value)

-- word: pairs row list
-- Rows of a list of pairs.
json_array_elements(CAST($list AS json)) AS $row

-- word: first row
-- The first text of a pair.
$row->>0

-- word: second row
-- The second text of a pair.
$row->>1

-- word: among list type
-- That what stands before it is in a list.
= ANY(CAST($list AS $type[]))

-- word: then
-- A join; PostgreSQL finds the order itself.
JOIN
