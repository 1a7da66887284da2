"""Features, weights, hard rules, findings: every point is a sentence, and more code never weighs less."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.vet.features import features_of, features_of_all
from pratique.vet.findings import findings_of
from pratique.vet.hard_rules import HARD_RULES, decides
from pratique.vet.model import ENGINE, Confidence, PlacedSign, Reach, Regime, Severity, Sign
from pratique.vet.score import (
    Table,
    Thresholds,
    parse_weights,
    points_by_sign,
    score,
    shipped_weights,
)
from pratique.vet.verdict import rules_by_name

RULES = rules_by_name()
KNOWN = sorted((rule.name, trait) for rule in RULES.values() for trait in rule.traits)


def placed(
    rule: str, trait: str, reach: Reach, *, path: str = "pkg/a.py", line: int = 1, region: str = ""
) -> PlacedSign:
    return PlacedSign(
        sign=Sign(rule=rule, trait=trait, line=line), path=path, region=region, reach=reach
    )


signs = st.lists(
    st.builds(
        lambda known, reach, line: placed(*known, reach, line=line),
        st.sampled_from(KNOWN),
        st.sampled_from(Reach),
        st.integers(1, 99),
    ),
    max_size=12,
)


@pytest.mark.parametrize("name", ["first", "diff"])
@given(found=signs, more=signs)
def test_more_signs_never_weigh_less(
    name: str, found: list[PlacedSign], more: list[PlacedSign]
) -> None:
    table = shipped_weights().tables[name]
    few = score(features_of_all(found), table).score
    many = score(features_of_all([*found, *more]), table).score
    assert many >= few


@given(st.sampled_from(KNOWN))
def test_running_earlier_never_gives_fewer_features(known: tuple[str, str]) -> None:
    steps = (Reach.CALLED, Reach.ENTRY, Reach.SUBMODULE, Reach.IMPORT, Reach.STARTUP)
    for later, earlier in pairwise(steps):
        assert set(features_of(placed(*known, later))) <= set(features_of(placed(*known, earlier)))
    assert set(features_of(placed(*known, Reach.CALLED))) < set(
        features_of(placed(*known, Reach.BUILD))
    )


@given(signs)
def test_points_of_signs_are_the_sum(found: list[PlacedSign]) -> None:
    table = shipped_weights().tables["first"]
    given_by = features_of_all(found)
    scored = score(given_by, table)
    by_sign = points_by_sign(scored.points, given_by)
    assert sum(by_sign.values()) == pytest.approx(sum(scored.points.values()))
    assert set(by_sign) <= set(found)


def test_extreme_sums_are_probabilities() -> None:
    table = Table(
        intercept=0, weights={"a": 1e300}, thresholds=Thresholds(suspicious=0.5, malicious=0.9)
    )
    assert score(["a"], table).score == pytest.approx(1.0)
    assert score([], Table(intercept=-1e9, weights={}, thresholds=table.thresholds)).score >= 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"engine": "0"}, "engine '0'"),
        ({"tables": {}}, "diff, first"),
        ({"weights": {"a@b": -0.1}}, "below zero: a@b"),
        ({"weights": "much"}, "expected a table of weights"),
    ],
)
def test_a_wrong_table_is_refused_with_its_reason(change: dict[str, object], said: str) -> None:
    table = {
        "intercept": -3.0,
        "weights": change.pop("weights", {}),
        "thresholds": {"suspicious": 0.5, "malicious": 0.9},
    }
    whole = {
        "engine": ENGINE,
        "recipe": "",
        "tables": {"first": table, "diff": table},
        **change,
    }
    with pytest.raises(ValueError, match=said):
        parse_weights(json.dumps(whole).encode())


def test_shipped_weights_name_rules_that_exist() -> None:
    known = {f"{rule}:{trait}" for rule, trait in KNOWN} | set(RULES)
    for table in shipped_weights().tables.values():
        assert {feature.partition("@")[0] for feature in table.weights} <= known
        assert 0 < table.thresholds.suspicious <= table.thresholds.malicious < 1


# ── hard rules ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("hard", HARD_RULES, ids=lambda hard: f"{hard.rule}-{min(hard.traits)}")
def test_a_hard_rule_names_what_exists_and_says_why(hard) -> None:  # noqa: ANN001 - parametrised
    assert hard.traits <= set(RULES[hard.rule].traits)
    assert hard.reason.endswith(".")
    unasked = {Reach.STARTUP, Reach.BUILD, Reach.IMPORT}
    assert hard.reaches <= unasked or hard.traits <= {"miner", "program-as-source"}


@pytest.mark.parametrize("hard", HARD_RULES, ids=lambda hard: f"{hard.rule}-{min(hard.traits)}")
def test_a_hard_rule_decides_only_where_code_runs_unasked(hard) -> None:  # noqa: ANN001 - parametrised
    trait = min(hard.traits)
    assert decides(placed(hard.rule, trait, min(hard.reaches)), Regime.DIFF)
    called = Reach.CALLED in hard.reaches  # only what no caller can want: miners, hidden programs
    assert decides(placed(hard.rule, trait, Reach.CALLED), Regime.DIFF) == called
    assert called == (trait in {"miner", "program-as-source"})
    assert not decides(placed(hard.rule, trait, Reach.NEVER), Regime.DIFF)
    assert not decides(placed("sinks", "network", Reach.STARTUP), Regime.DIFF)


# ── findings ─────────────────────────────────────────────────────────────────────────────────


def _findings(found: list[PlacedSign], limit: int = 200, **options: object):  # noqa: ANN202 - as findings_of
    points = options.get("points", {})
    decisive = frozenset(options.get("decisive", ()))
    return findings_of(found, rules=RULES, points=points, decisive=decisive, limit=limit)


def test_equal_signs_of_a_region_are_one_finding_with_their_number() -> None:
    found = [placed("sinks", "network", Reach.IMPORT, line=line) for line in (9, 3, 5)]
    found.append(placed("sinks", "network", Reach.IMPORT, line=20, region="f"))
    findings = _findings(found)
    assert [(f.line, f.what) for f in findings] == [
        (3, "uses the network (2 more such places there)"),
        (20, "uses the network"),
    ]


def test_what_decides_and_weighs_comes_first() -> None:
    light = placed("sinks", "network", Reach.STARTUP)
    heavy = placed("persistence", "autostart", Reach.CALLED)
    sure = placed("reverse-shell", "pty", Reach.IMPORT)
    findings = _findings([light, heavy, sure], points={heavy: 2.0, light: 0.5}, decisive=[sure])
    assert [f.rule for f in findings] == ["reverse-shell", "persistence", "sinks"]
    assert [f.decisive for f in findings] == [True, False, False]
    assert findings[1].points == 2.0


def test_findings_are_few_enough_to_read() -> None:
    found = [placed("sinks", "network", Reach.CALLED, path=f"pkg/{i}.py") for i in range(500)]
    assert len(_findings(found)) == 200


def test_a_finding_says_what_why_and_what_else_it_may_be() -> None:
    (finding,) = _findings([placed("decoded-exec", "constant", Reach.IMPORT)])
    rule = RULES["decoded-exec"]
    assert (finding.title, finding.danger, finding.benign) == (rule.title, rule.danger, rule.benign)
    assert finding.severity is rule.traits["constant"].severity
    assert finding.technique == rule.techniques


def test_a_sign_without_a_rule_is_shown_all_the_same() -> None:
    (finding,) = _findings([placed("no-such-rule", "x", Reach.IMPORT)])
    assert finding.severity is Severity.MEDIUM
    assert finding.confidence is Confidence.LOW
