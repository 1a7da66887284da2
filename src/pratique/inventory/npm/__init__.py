"""Lock files of npm, pnpm and yarn.

Owns: their formats, as entries (`listings.model`). Never does: run node, ask a registry.
"""
