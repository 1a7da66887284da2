"""What a feature weighs at least that no honest release of the train half ever showed.

A few hundred campaigns do not show every deed at every place, so that the fit leaves much at zero that any
reviewer would stop at. Such features get what severity and confidence of their rule say, as a share of
the way from the intercept to `suspicious`. Features that honest releases do show stay as learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from pratique.vet.model import Confidence, Severity
from pratique.vet.verdict import rules_by_name

SEVERITY = {
    Severity.CRITICAL: 1.1, Severity.HIGH: 0.7, Severity.MEDIUM: 0.25, Severity.LOW: 0.1, Severity.INFO: 0.0
}  # fmt: skip
"""Shares of the way: one critical deed at import is enough, of others two or more."""
CONFIDENCE = {Confidence.HIGH: 1.0, Confidence.MEDIUM: 0.8, Confidence.LOW: 0.5}
CALLED = 0.0
"""Honest programs do at somebody's call almost everything: there only what was learned counts."""
BRANCHES = (
    (("called", CALLED), ("entry", 0.4), ("submodule", 0.5), ("import", 1.0), ("startup", 1.2)),
    (("called", CALLED), ("entry", 0.4), ("build", 1.0)),
)
"""Steps of reach as `vet.features` gives them, each with the share that it comes to with those before."""

TOLD = frozenset(("young-dependency", "provenance-change"))
"""Rules about what only the index knows: no list of archives shows them. Their signs stand in no code, so
they have no reach, and none of them alone comes to `suspicious`."""
TOLD_BRANCHES = ((("never", 0.7),),)


def with_floors(
    weights: Mapping[str, float], *, honest: AbstractSet[str], way: float, digits: int
) -> dict[str, float]:
    """The weights, raised where they are below what their rule says and no honest release would notice.

    Shape: `honest` holds the features that honest releases show; `way` is in logits.
    """
    raised = dict(weights)
    for rule in rules_by_name().values():
        for name, kind in rule.traits.items():
            most = way * SEVERITY[kind.severity] * CONFIDENCE[kind.confidence]
            for branch in TOLD_BRANCHES if rule.name in TOLD else BRANCHES:
                sofar = 0.0
                for step, share in branch:
                    feature = f"{rule.name}:{name}@{step}"
                    if feature not in honest:
                        wanted = round(most * share - sofar, digits)
                        if wanted > raised.get(feature, 0.0):
                            raised[feature] = wanted
                    sofar += raised.get(feature, 0.0)
    return raised
