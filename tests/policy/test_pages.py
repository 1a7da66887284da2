"""The pages about policy say what the code says: rules, their order, keys, defaults."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pratique.policy.checks import EXEMPTABLE_RULES
from pratique.policy.language import PolicyTables
from pratique.policy.rules import RELIEFS, RULES

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference" / "policy.md").read_text("utf-8")
SECTIONS = {
    heading.strip("`[]"): body
    for heading, body in re.findall(
        r"^##+ (`\[+[a-z.-]+\]+`)$(.*?)(?=^##|\Z)", REFERENCE, re.MULTILINE | re.DOTALL
    )
}


def test_every_rule_and_relief_has_a_page_with_meaning_example_and_remedy() -> None:
    names = {rule.name for rule in RULES} | set(RELIEFS)
    # Rules of vetting have their pages there too; tests/house holds that there are no others.
    assert {path.stem for path in (DOCS / "rules").glob("*.md")} >= names | {"README"}
    for name in names:
        text = (DOCS / "rules" / f"{name}.md").read_text("utf-8")
        assert re.match(rf"# (Rule|Relief): {name}\n", text), name
        for heading in ("**Meaning.**", "**Example.**", "**Remedy.**"):
            assert heading in text, f"{name}: {heading}"


def test_the_overview_lists_rules_in_the_order_that_breaks_ties() -> None:
    listed = re.findall(r"^\| \[([a-z-]+)\]", (DOCS / "rules" / "README.md").read_text("utf-8"),
                        re.MULTILINE)  # fmt: skip
    names = [rule.name for rule in RULES] + list(RELIEFS)
    assert listed[: len(names)] == names


def test_rule_names_are_unique_and_exempt_ones_exist() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert set(EXEMPTABLE_RULES) <= set(names)
    for name in EXEMPTABLE_RULES:
        assert f"`{name}`" in SECTIONS["allow"] or f'"{name}"' in SECTIONS["allow"], name


def tables() -> list[tuple[str, Any]]:
    """Every table of the language by the heading of its section."""
    found: list[tuple[str, Any]] = []

    def walk(struct: Any, path: str) -> None:
        for field in msgspec.structs.fields(struct):
            inner = [t for t in (field.type, *getattr(field.type, "__args__", ()))
                     if isinstance(t, type) and issubclass(t, msgspec.Struct)]  # fmt: skip
            if inner:
                name = f"{path}.{field.encode_name}" if path else field.encode_name
                found.append((name, inner[0]))
                walk(inner[0], name)

    walk(PolicyTables, "")
    return found


def test_every_table_has_a_section() -> None:
    assert set(SECTIONS) == {name for name, _ in tables()}


@pytest.mark.parametrize(
    ("name", "struct"), tables(), ids=lambda v: v if isinstance(v, str) else ""
)
def test_every_key_is_listed_with_its_default(name: str, struct: Any) -> None:
    rows = dict(re.findall(r"^\| `([a-z_0-9]+)` \| ([^|]+) \|", SECTIONS[name], re.MULTILINE))
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    assert set(rows) == set(fields)
    for key, field in fields.items():
        assert rows[key].strip() == spelled(field), f"{name}.{key}"


def spelled(field: Any) -> str:
    if field.default is msgspec.NODEFAULT:
        return "required"
    if field.default is None:
        return "not set"
    if field.name == "words":
        return ", ".join(field.default)
    return f"`{json.dumps(field.default)}`"


def test_the_mode_is_described() -> None:
    assert f"| `mode` | `{json.dumps(PolicyTables().mode)}` |" in REFERENCE
