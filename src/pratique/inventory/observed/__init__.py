"""Looks: what a collector saw at a place of an asset, when, and what it could not see.

Owns: the values that every reader of `sweep` gives (`model`), and their spelling as ledger entries
(`entries`). Never does: read files, clocks or databases. Start reading at `model`.
"""
