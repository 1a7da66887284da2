"""The append-only log: entries, Merkle tree, segments, checkpoints, proofs, bundles.

Owns: what an entry is, how it is hashed (RFC 6962) and signed (C2SP signed notes), how it lies on
disk, how it is proved and verified. Knows nothing of the rest of the product and may become a
package of its own: it imports only the standard library, msgspec and cryptography, and `errors`
alone takes its bases from the product. Files and databases are reached through `LogStore`. Start
reading at `entries`, then `store`.
"""
