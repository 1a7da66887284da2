"""Sweeps: reads what lies on a machine or in a tree, without starting any of it.

Owns: the walk over files and the readers that turn files into looks. What a format means is known in
`inventory`; this only opens files, within limits, and never follows a link out of a root. Start
reading at `context`.
"""
