"""What is written down about software: which files and releases a project, a host or an image names.

Owns: reading lock files, the launch commands in configuration files, the findings about both, and
the exact rewriting of the URLs in them. A reader takes bytes and gives a value; one reader per kind
of file, under `locks/` and `launches/`, each registered by file name and content. Never does: open
files, walk folders, ask a door or read a clock. Start reading at `model`, then `locks`.
"""
