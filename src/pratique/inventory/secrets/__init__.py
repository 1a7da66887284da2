"""Which credentials lie in files: their names, kinds and places, never their values.

Owns: pure readers of credential files, env files, workflows and exported listings. A value is seen by
one function, which may turn it into a keyed fingerprint, and nowhere else: no error, gap, log or entry
holds it. Start reading at `reading`, then `fingerprints`.
"""
