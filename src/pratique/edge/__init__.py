"""The outer edge: upstream HTTP, pages and blobs on disk, advisory files.

Owns: everything that waits for something outside, each wait with a deadline and a byte limit.
"""
