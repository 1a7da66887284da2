"""Who works for whom, at any distance, and whom a standing suspension does not reach yet.

A suspension names whoever worked for the party when it began. Whoever the register names later works
for a suspended party all the same: nothing new is granted to them, and a finding says that they go on.
"""

from __future__ import annotations

from pratique.parties.model import Register, Suspension


def everybody_below(register: Register, name: str) -> frozenset[str]:
    """The party, and everybody who works for it, as either side says."""
    found, waiting = {name}, [name]
    below: dict[str, set[str]] = {}
    for one in register.parties.values():
        for above in one.works_for:
            below.setdefault(above, set()).add(one.name)
        below.setdefault(one.name, set()).update(one.sub_processors)
    while waiting:
        for worker in below.get(waiting.pop(), set()) - found:
            found.add(worker)
            waiting.append(worker)
    return frozenset(found)


def late_workers(register: Register, suspension: Suspension) -> frozenset[str]:
    """Who works for a suspended vendor now, and goes on because nobody knew when it began."""
    if not suspension.scope.with_sub_processors or suspension.client or suspension.lifted_at:
        return frozenset()
    return everybody_below(register, suspension.scope.party) - set(suspension.vendors)
