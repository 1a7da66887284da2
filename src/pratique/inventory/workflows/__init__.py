"""Files that name actions, hooks and images by ref: workflows, pre-commit, Dockerfiles.

Owns: these formats, as entries (`listings.model`). Never does: ask where a ref points now.
"""
