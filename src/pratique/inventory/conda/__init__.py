"""What conda lists: environments, explicit lists, locks.

Owns: these formats, as entries (`listings.model`). Never does: run conda, ask a channel.
"""
