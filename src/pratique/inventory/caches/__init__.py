"""Caches of installers: what was once fetched on this machine, whether or not it is installed.

A cache outlives the environment, the lock file, and sometimes the index itself. Owns: the entries of
pip, uv, Poetry and npm. Never does: follow a URL that an entry names. Start reading at `entries`.
"""
