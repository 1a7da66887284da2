"""The intake door: observations that collectors on other machines push.

Owns: who may push what, and that a batch is recorded once. What a batch may hold is known in
`inventory.observed.batches`. Never does: believe a collector about another asset than its own, unless
its token says that it speaks for many. Start reading at `service`.
"""
