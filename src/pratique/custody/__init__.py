"""Custody: who may read which training data, how much of it, and whose copy a leaked one is.

Owns: leases and their scopes, budgets over distinct segments, SigV4 and the S3 vocabulary, the
format of encrypted parts, marks and their attribution, the records of datasets.
Never: opens a socket, a file or a database, and never holds a client's key: keys stay with the
broker, a process of its own. Start reading at `model`, then `ports`.
"""
