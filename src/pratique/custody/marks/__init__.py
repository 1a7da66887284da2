"""Marks: small differences between the copies of leases, and the way back from a leak to its lease.

Owns: which stretches of an object may have a second form and how it is made, the layout that turns a
lease's codeword into a view, the index that reads marks out of a leaked sample, and the score that
names a lease with a proven bound on accusing an innocent one.
Never: reads an object, knows a key, or asks the broker. Start reading at `text` and `jsonl`, then
`layout`, `index` and `tardos`. docs/explain/marks.md says what survives what.
"""
