"""Drills: a past incident replayed through the real product, with real clients and inert payloads.

Owns: the timeline, the inert releases, a local upstream, and the running of clients. Nothing here
is a stand-in for the firewall: it is the same door that `pratique up` opens, with another clock.
"""
