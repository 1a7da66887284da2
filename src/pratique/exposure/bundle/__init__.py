"""The case file `case.xpz`: an answer, what it rests on, and proofs, for whoever does not trust us.

Owns: which entries an answer rests on, what a file for one client may hold, the container, the
signed manifest, the page for a lawyer. Never does: read the log, keys or files; leaves, proofs and
tokens are passed in. docs/reference/bundle-format.md has the format. Start reading at `case`.
"""
