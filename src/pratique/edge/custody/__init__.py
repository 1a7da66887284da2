"""Custody at the edge: where encrypted parts lie, and the process that holds the keys.

Owns: part stores (disk, S3), the key broker and its clients, registering of folders and buckets.
Never: decides who may read. Start reading at `disk_parts`, then `broker`.
"""
