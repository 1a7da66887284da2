"""Archive reading: the bytes of a wheel, sdist, egg or npm tarball in, members and problems out.

Owns: walking zip and tar from front to back while they arrive, within limits, and comparing that
with what other readers of the same bytes would see. Never: I/O, trust in anything an archive says
about itself (sizes, checksums, RECORD), an exception on hostile bytes. Start in `model`, then
`reader`.
"""
