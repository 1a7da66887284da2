-- word: each row list type
-- Rows of a list, as `row.value`.
json_each($list) AS $row

-- word: rows row list
-- Rows of a list of lists.
json_each($list) AS $row

-- word: text row place
-- A text of a row that is a list.
json_extract($row.value, '$[$place]')

-- word: number row place
-- A number of such a row.
json_extract($row.value, '$[$place]')

-- word: among list type
-- That what stands before it is in a list.
IN (SELECT value FROM json_each($list))

-- word: then
-- A join of which the left side is looked up first: SQLite keeps the order of cross joins.
CROSS JOIN

-- word: later one other
-- The later of two instants.
max($one, $other)

-- word: before_colon name
-- What stands before the first colon.
substr($name, 1, instr($name, ':') - 1)
