"""Look-alikes of published incidents: our own inert text, in memory, on top of real releases.

Owns: where a payload stood, when it ran, how it was hidden and how large it was, written anew; disguised
variants of each; and the table that says what the vetter makes of them. Never: a line of a real payload,
a host that exists (all end in `.example`, which never resolves), a file on a disk, anything that is run.
Start at `shape.py`; one module for each incident; what happened in docs/explain/incidents-seen.md.
"""
