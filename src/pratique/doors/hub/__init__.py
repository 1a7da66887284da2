"""The Hugging Face Hub's read protocol over leases: `hf_hub_download`, `snapshot_download`, `load_dataset`.

Owns: what the Hub calls repositories, revisions, trees and files, in datasets' terms. Never: decides,
charges or sends: every byte goes through `doors.s3.objects`, every listing through the same decision. A
repository is a dataset (`CLIENT/NAME`, or `NAME` where tools allow it), a revision is `main` or a sealed
version. Start at `adapter`.
"""
