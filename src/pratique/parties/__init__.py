"""Vendors, clients and groups of people: what each promised, what is seen, and what stops when.

Owns: the register of parties, projects and contracts; evidence and what it is worth; checks and
findings; suspensions and their clocks; notices, status and audit packs. Pure: entries and facts in,
findings, drafts and records out.
"""
