"""The index door: what pip, uv, Poetry and pdm talk to.

Owns: HTTP of the Simple API, identities, and the order of steps of one request (docs/explain/
index-door.md follows one end to end). Every answer asks `policy.decide` through one service.
"""
