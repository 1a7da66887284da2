import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from evals import fit, train
from evals.cases import FIRST, MALICIOUS
from evals.fit import Rows
from evals.lists import Half
from evals.measure import Result
from pratique.vet.model import ENGINE
from pratique.vet.score import parse_weights, score


def example(number: int, *, bad: bool, features: tuple[str, ...], half: str = "train") -> Result:
    return Result(
        group=MALICIOUS if bad else FIRST, name=f"{bad}{number}", cluster=f"{bad}{number}", half=half,
        part="", rule="", verdict="clean", features=features,
    )  # fmt: skip


def examples(half: str = "train") -> list[Result]:
    """`theft` tells, `network` is in both, `tests` is in honest ones only, `mascot` in one alone."""
    bad = [
        example(n, bad=True, features=("theft", "network") if n % 5 else ("network",), half=half)
        for n in range(60)
    ]
    good = [
        example(n, bad=False, features=("tests",) if n % 3 else ("network", "tests"), half=half)
        for n in range(200)
    ]
    return [*bad, *good, example(999, bad=True, features=("mascot",), half=half)]


@pytest.mark.slow
def test_no_weight_is_negative_and_what_only_honest_code_has_weighs_nothing() -> None:
    made, _ = train.learn(examples(), "first")
    assert all(value > 0 for value in made["weights"].values())
    assert "tests" not in made["weights"]
    assert made["weights"]["theft"] > made["weights"].get("network", 0.0)


def test_a_feature_of_one_campaign_alone_is_no_feature() -> None:
    assert "mascot" not in train.rows_of(examples()).names


@pytest.mark.slow
def test_the_other_half_changes_nothing() -> None:
    other = [example(n, bad=False, features=("theft",), half="check") for n in range(100)]
    assert train.learn([*examples(), *other], "first") == train.learn(examples(), "first")
    made, _ = train.learn(examples(), "first")
    chosen, logits, limits = train.judged(other, "first", made, Half.CHECK)
    assert len(chosen) == 100
    assert all(logit >= limits["suspicious"] for logit in logits)


@pytest.mark.slow
def test_training_twice_gives_the_same_and_the_engine_takes_it() -> None:
    made, notes = train.learn(examples(), "first")
    assert (made, notes) == train.learn(list(examples()), "first")
    text = json.dumps({"engine": ENGINE, "recipe": "r", "tables": {"first": made, "diff": made}})
    table = parse_weights(text.encode()).tables["first"]
    assert 0 < table.thresholds.suspicious <= table.thresholds.malicious < 1
    assert score(["theft", "network"], table).score >= table.thresholds.suspicious
    assert score(["tests"], table).score < table.thresholds.suspicious


def test_one_kind_alone_cannot_be_learned_from() -> None:
    good = [one for one in examples() if one.group == FIRST]
    with pytest.raises(train.places.EvalsError, match="both kinds"):
        train.learn(good, "first")


def test_no_cluster_is_in_two_folds_and_copies_do_not_outvote() -> None:
    rows = train.rows_of(examples())
    copies = [examples()[0]] * 50
    doubled = train.rows_of([*examples(), *copies], rows.names)
    weight = doubled.weights()
    same = np.array([cluster == copies[0].cluster for cluster in doubled.clusters])
    others = weight[(doubled.malicious == 1) & ~same]
    assert weight[same].sum() == pytest.approx(others[0])
    assert weight[doubled.malicious == 1].sum() == pytest.approx(
        weight[doubled.malicious == 0].sum()
    )


@given(
    st.lists(st.floats(-20, 20).map(lambda x: round(x, 2)), min_size=1, max_size=200),
    st.floats(0, 1),
)
def test_a_threshold_lets_through_no_more_than_its_share(
    values: list[float], target: float
) -> None:
    limit = fit.threshold(values, target)
    assert sum(value >= limit for value in values) <= target * len(values) + 1e-9


def test_a_project_counts_once_however_many_archives_it_has() -> None:
    clusters = ["large"] * 8 + ["one", "two", "three"]
    shares = fit.shares_of(clusters)
    assert sum(shares) == pytest.approx(len(clusters))
    logits = [9.0] * 8 + [3.0, 2.0, 1.0]
    assert fit.threshold(logits, 0.25, shares) == pytest.approx((9 + 3) / 2)
    assert (
        fit.threshold(logits, 0.25) > 9
    )  # counted by archive, none of the eight may be let through


@pytest.mark.parametrize(
    "feature",
    ["thin-package:tiny@never", "metadata-oddity:no-license@never", "sinks:network@called"],
)
def test_what_padding_takes_away_or_everybody_does_is_not_learned(feature: str) -> None:
    told = [
        train.Result(**{**asdict(one), "features": (*one.features, feature)}) for one in examples()
    ]
    assert feature not in train.rows_of(told).names


def test_the_fit_is_the_optimum_within_its_bounds() -> None:
    rows = train.rows_of(examples())
    found = fit.fit(rows, strength=1.0)

    def loss(model: fit.Model) -> float:
        margins = (2 * rows.malicious - 1) * model.logits(rows.features)
        return float(rows.weights() @ np.logaddexp(0, -margins) + model.weights @ model.weights / 2)

    best = loss(found)
    for column in range(len(found.weights)):
        for step in (-1e-3, 1e-3):
            moved = found.weights.copy()
            moved[column] = max(0.0, moved[column] + step)
            assert loss(fit.Model(intercept=found.intercept, weights=moved)) >= best - 1e-6
    assert found.weights.min() >= 0


def test_calibration_never_worsens() -> None:
    rows: Rows = train.rows_of(examples())
    logits = 5 * fit.unseen_logits(rows, strength=1.0) + 3
    slope, offset = fit.calibrate(rows, logits)
    assert slope > 0
    assert fit.log_loss(rows, slope * logits + offset) <= fit.log_loss(rows, logits)


def test_what_padding_takes_away_leaves_the_rest_as_it_would_be_without_it() -> None:
    thin = [
        train.Result(
            **{**asdict(one), "features": (*one.features, "thin-deed:tiny-network@import")}
        )
        if one.group == MALICIOUS
        else one
        for one in examples()
    ]
    with_thin, without = train.rows_of(thin), train.rows_of(examples())
    assert with_thin.on_top == {"thin-deed:tiny-network@import"}
    both, bare = fit.fit(with_thin, strength=1.0), fit.fit(without, strength=1.0)
    weights = dict(zip(with_thin.names, both.weights, strict=True))
    assert weights["thin-deed:tiny-network@import"] > 0
    for name, weight in zip(without.names, bare.weights, strict=True):
        assert weights[name] >= weight - 1e-4  # as far as the search goes


def test_absolute_judgement_weighs_traits_and_no_rule_as_a_whole() -> None:
    told = [
        train.Result(
            **{**asdict(one), "features": (*one.features, "theft:keys@import", "theft@import")}
        )
        if one.group == MALICIOUS
        else one
        for one in examples()
    ]
    assert {"theft:keys@import", "theft@import"} <= set(train.rows_of(told).names)
    names = train.rows_of(told, specific=True).names
    assert "theft:keys@import" in names
    assert "theft@import" not in names


@pytest.mark.slow
def test_each_half_is_judged_by_the_table_of_the_other_and_projects_count_once() -> None:
    every = [*examples(), *examples("check")]
    # One more project in the check half: four releases, all with what only bad ones had.
    every += [
        replace(
            example(n, bad=False, features=("theft",), half="check"), cluster="twice", name=f"t{n}"
        )
        for n in range(4)
    ]
    told = train.across(every, "first")
    flagged = told["first suspicious"]
    assert "(4/404;" in flagged
    assert flagged.endswith(f"by project {1 / 201:.2%} of 201")
