"""The work itself: who gave, submitted, changed, reviewed and delivered which records, with hashes.

Owns: tasks, submissions, transforms, reviews, deliveries; where a record came from; what a delivery
still lacks. Thin on purpose: labelling happens in other tools, and provenance is a by-product here.
"""
