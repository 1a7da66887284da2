-- word: each row list type
-- Rows of a list, as `row.value`.
unnest(CAST($list AS $type[])) AS $row (value)

-- word: rows row list
-- Rows of a list of lists.
json_array_elements(CAST($list AS json)) AS $row

-- word: text row place
-- A text of a row that is a list.
$row->>$place

-- word: number row place
-- A number of such a row.
CAST($row->>$place AS bigint)

-- word: among list type
-- That what stands before it is in a list.
= ANY(CAST($list AS $type[]))

-- word: then
-- A join; PostgreSQL finds the order itself.
JOIN

-- word: later one other
-- The later of two instants.
greatest($one, $other)

-- word: before_colon name
-- What stands before the first colon.
split_part($name, ':', 1)
