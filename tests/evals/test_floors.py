"""What no honest release showed weighs at least what its rule says."""

import pytest

from evals.floors import with_floors
from pratique.vet.features import STEPS
from pratique.vet.model import Reach

GRAVE = "reverse-shell:pty"


def total(weights: dict[str, float], reach: Reach) -> float:
    return sum(weights.get(f"{GRAVE}@{step}", 0.0) for step in STEPS[reach])


def test_a_grave_deed_that_nobody_honest_showed_is_enough_at_import() -> None:
    weights = with_floors({}, honest=frozenset(), way=5.0, digits=4)
    assert total(weights, Reach.IMPORT) >= 5.0
    assert total(weights, Reach.BUILD) >= 5.0
    assert total(weights, Reach.CALLED) == 0


def test_what_honest_releases_show_stays_as_learned() -> None:
    honest = frozenset({f"{GRAVE}@called"})
    weights = with_floors({f"{GRAVE}@called": 0.5}, honest=honest, way=5.0, digits=4)
    assert weights[f"{GRAVE}@called"] == pytest.approx(0.5)
    assert total(weights, Reach.IMPORT) >= 5.0


def test_no_weight_is_lowered_and_none_is_below_zero() -> None:
    learned = {f"{GRAVE}@called": 50.0, "command:download@import": 7.0}
    weights = with_floors(learned, honest=frozenset(), way=5.0, digits=4)
    assert all(weights[name] >= value for name, value in learned.items())
    assert min(weights.values()) >= 0


def test_what_only_the_index_knows_weighs_and_is_never_enough_alone() -> None:
    weights = with_floors({}, honest=frozenset(), way=5.0, digits=4)
    told = {
        name: weight
        for name, weight in weights.items()
        if name.startswith(("provenance-change", "young-dependency"))
    }
    assert 2.0 < told["provenance-change:lost@never"] < 5.0
    assert 1.0 < told["young-dependency:newborn@never"] < 5.0
    assert all(name.endswith("@never") for name in told)
