"""Peers: GuardDog and hexora, each in an environment of its own, on the same archives in the same run.

The `*_worker.py` files run inside a peer's environment: they may import that peer and the standard library.
"""
