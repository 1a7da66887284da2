"""The S3 door: training data for unmodified clients, within leases.

Owns: HTTP, the order in which a read is allowed, charged, recorded, decrypted and sent, and the cut of
streams that may not go on. Never: decides by itself (`custody.authorize` does), or holds a key for
longer than it is used for. Start reading at `door`, then `reading`.
"""
