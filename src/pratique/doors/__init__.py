"""Where the world comes in: HTTP for installers and people, and the command line.

Owns: translating requests into questions and decisions into answers. Never does: decide anything,
or name a concrete store or edge class (it is handed them by `assembly`).
"""
