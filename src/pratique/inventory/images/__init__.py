"""Container images: what their layers brought, what a later layer took away, what is left.

Owns: the tar blocks of layers, whiteouts, manifests of OCI and of `docker save`. Never does: unpack
anything to disk, run anything, or take a layer's own dates for more than claims. Start reading at
`state`; `tar_walk` is why it is fast.
"""
