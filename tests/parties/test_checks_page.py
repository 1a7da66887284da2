"""docs/reference/party-checks.md says what the rules say."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from pratique.parties.checks import CHECKS
from pratique.parties.checks.components_poisoned import REMEMBERED
from pratique.parties.checks.drill_recent import LONGEST_MS
from pratique.parties.checks.facts import READ_DAYS, CheckOptions
from pratique.parties.checks.rule import Check
from pratique.parties.findings import DUE_DAYS
from pratique.parties.model import Action, Severity
from pratique.parties.standards import STANDARDS
from pratique.settings import PartiesSettings

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "party-checks.md"


@cache
def page() -> str:
    return PAGE.read_text("utf-8")


@cache
def sections() -> dict[str, str]:
    rules = page().split("\n## Rules\n")[1].split("\n## ")[0]
    parts = re.split(r"\n### `([a-z-]+)`\n", rules)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_rule_has_its_section_in_the_order_in_which_rules_are_told() -> None:
    assert list(sections()) == [check.name for check in CHECKS]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_section_says_severity_action_title_and_what_is_served(check: Check) -> None:
    text = sections()[check.name]
    assert text.strip().startswith(
        f"*{check.severity.value}, {check.action.value}.* {check.title}. "
    )
    served = text.split("**Serves** ")[1]
    assert re.findall(r"`([^`]+)`", served) == list(check.serves)
    assert "**Unknown when** " in text
    assert "**To do:** " in text


def test_the_table_has_every_point_and_each_is_served() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \| (.*) \| (.*) \|$", page(), re.MULTILINE)
    assert rows == [(one.id, one.text, one.point, one.title) for one in STANDARDS.values()]
    assert {one for check in CHECKS for one in check.serves} == STANDARDS.keys()


def test_numbers_are_those_of_the_code() -> None:
    days = DUE_DAYS
    assert (days[Severity.CRITICAL], days[Severity.HIGH]) == (1, 7)
    assert "one day for critical, 7 for high, 30 for medium, 90 for low" in page()
    assert (days[Severity.MEDIUM], days[Severity.LOW]) == (30, 90)
    defaults, options = PartiesSettings(), CheckOptions()
    assert f"`check_minutes` ({defaults.check_minutes})" in page()
    assert f"`lease_hours` ({options.lease_hours:g})" in sections()["leases-old"]
    assert f"`sbom_days` ({options.sbom_days})" in sections()["evidence-fresh"]
    assert f"else {options.drill_days} days" in sections()["drill-recent"]
    assert f"{LONGEST_MS:,} ms" in sections()["drill-recent"]
    assert f"last {READ_DAYS} days" in sections()["reads-networks"]
    assert REMEMBERED.days == 365
    assert "for a year" in sections()["components-poisoned"]
    assert (defaults.lease_hours, defaults.drill_days, defaults.sbom_days) == (
        options.lease_hours,
        options.drill_days,
        options.sbom_days,
    )
    for severity, told in days.items():
        assert getattr(defaults, f"due_{severity.value}_days") == told


def test_every_action_is_described() -> None:
    for action in Action:
        assert f"| {action.value} |" in page()
