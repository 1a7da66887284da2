"""The audit pack of one party: what it promised, what was seen of it, and proofs that it was logged.

Owns: which entries belong into a pack, what they add up to, the container, the page, OSCAL, and the
verification of all of it. Never does: read the log, keys or files; leaves and bytes are passed in.
docs/reference/pack-format.md has the format. Start reading at `pack`.
"""
