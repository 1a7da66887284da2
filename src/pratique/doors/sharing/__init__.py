"""Delta Sharing over leases: shares are clients, schemas are datasets, tables are folders of Parquet files.

Owns: what the protocol calls shares, schemas, tables, metadata and files. Never: decides, charges or sends:
files are URLs of our own S3 door, signed for minutes under the lease, so that they stay metered and can be
cut; the one thing read here, a footer's columns, is read as the lease reads. Start at `adapter`.
"""
