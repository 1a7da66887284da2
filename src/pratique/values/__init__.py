"""Plain values that every room speaks: names, versions, digests, instants, intervals.

Owns: parsing text into values that cannot spell nonsense. Never does: I/O of any kind.
Start reading at `names`.
"""
