"""Installed things: what the files of an environment say of what was installed in it.

Owns: the languages of `*.dist-info`, `*.egg-info`, RECORD, `package.json`, conda-meta, dpkg and apk.
Never does: open files (edge/sweep/environments.py does), start what it reads, or believe a date
that anybody could have written. Start reading at `distributions`.
"""
