"""Advisories for questions about the past: what is bad, since when it could be had, what it does.

Owns: OSV records of every ecosystem with all their revisions, the overlay that says what OSV cannot
(windows per channel, digests, moved refs, behaviour), checks that name contradictions, and which
known items are meant. Never does: read files, clocks or databases. Start reading at `model`.
"""
