"""Views: ids that anyone can recompute, and changes that rebuild them."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.index_pages import DEMO, file_entry, huge_page_body, parsed
from pratique.index.model import PageFile
from pratique.index.parse_json import parse_json_page
from pratique.index.view import (
    ViewDelta,
    ViewRow,
    block_id,
    view_changes,
    view_id,
    view_rows,
)
from pratique.policy.model import Decision, FileFacts, Outcome
from pratique.values.names import ProjectName

ALLOW = Decision(outcome=Outcome.ALLOW, rule="default")
HOLD = Decision(
    outcome=Outcome.HOLD, rule="cool-down", until=datetime(2026, 3, 27, 10, 39, tzinfo=UTC)
)
DENY = Decision(outcome=Outcome.DENY, rule="advisory")


def rows_of(*pairs: tuple[str, Decision]) -> dict[str, ViewRow]:
    page = parsed([file_entry(name) for name, _ in pairs])
    return rows_for(page.files, [decision for _, decision in pairs])


def rows_for(
    files: tuple[PageFile, ...], decisions: list[Decision], project: ProjectName = DEMO
) -> dict[str, ViewRow]:
    decided = [
        (file, FileFacts(filename=file.filename, project=project), decision)
        for file, decision in zip(files, decisions, strict=True)
    ]
    return view_rows("pypi", project, decided)


def applied(base: Mapping[str, ViewRow], delta: ViewDelta) -> dict[str, ViewRow]:
    """What a reader of the ledger does with the parts of a change."""
    view = dict(base)
    for part in delta.parts:
        for name in part.removed:
            del view[name]
        for c in part.changes:
            view[c["f"]] = ViewRow(c["f"], c["s"], c["v"], c["o"], c["r"], c["u"], c["b"])
    return view


def test_rows_hold_every_file_denied_ones_included() -> None:
    rows = rows_of(("demo-1.0.tar.gz", ALLOW), ("demo-1.1.tar.gz", HOLD), ("demo-1.2.zip", DENY))
    assert [(r.version, r.outcome, r.rule, r.until) for r in rows.values()] == [
        ("1.0", "allow", "default", None),
        ("1.1", "hold", "cool-down", "2026-03-27T10:39:00Z"),
        ("1.2", "deny", "advisory", None),
    ]
    assert rows["demo-1.0.tar.gz"].block == ""
    held = rows["demo-1.1.tar.gz"]
    assert held.block == block_id("pypi", DEMO, held.filename, held.sha256, "cool-down")


def test_audited_files_have_a_block_page_too() -> None:
    audited = Decision(outcome=Outcome.ALLOW, rule="cool-down", audited=Outcome.HOLD)
    assert rows_of(("demo-1.0.tar.gz", audited))["demo-1.0.tar.gz"].block


def test_the_id_is_the_hash_of_canonical_json() -> None:
    rows = rows_of(("demo-1.1.tar.gz", HOLD), ("demo-1.0.tar.gz", ALLOW))
    listed = [
        [r.filename, r.sha256, r.version, r.outcome, r.rule, r.until, r.block]
        for r in sorted(rows.values(), key=lambda r: r.filename)
    ]
    assert view_id(rows) == hashlib.sha256(rfc8785.dumps(listed)).hexdigest()[:32]


def test_the_id_depends_on_every_field_but_not_on_order() -> None:
    row = ViewRow("demo-1.0.tar.gz", "a" * 64, "1.0", "hold", "cool-down", None, "K7Q2ABCD")
    other = ViewRow("demo-2.0.tar.gz", "b" * 64, "2.0", "allow", "default", None, "")
    one_way = {row.filename: row, other.filename: other}
    assert view_id(one_way) == view_id(dict(reversed(one_way.items())))
    values = [row.sha256, row.version, row.outcome, row.rule, row.until, row.block]
    ids = {view_id(one_way), view_id({row.filename: row}), view_id({})}
    for i in range(len(values)):
        changed = ViewRow(row.filename, *[*values[:i], "x", *values[i + 1 :]])
        ids.add(view_id({**one_way, row.filename: changed}))
    assert len(ids) == 3 + len(values)


def test_an_unchanged_view_says_nothing() -> None:
    rows = rows_of(("demo-1.0.tar.gz", ALLOW))
    assert view_changes(rows, dict(rows)).parts == ()


def test_a_first_view_of_an_empty_page_is_still_said() -> None:
    (part,) = view_changes(None, {}).parts
    assert (part.changes, part.removed) == ([], [])


def test_a_change_says_only_what_changed() -> None:
    before = rows_of(("demo-1.0.tar.gz", ALLOW), ("demo-1.1.tar.gz", HOLD), ("demo-1.2.zip", ALLOW))
    after = rows_of(("demo-1.0.tar.gz", ALLOW), ("demo-1.1.tar.gz", ALLOW))
    (part,) = view_changes(before, after).parts
    assert [(c["f"], c["o"]) for c in part.changes] == [("demo-1.1.tar.gz", "allow")]
    assert part.removed == ["demo-1.2.zip"]


def test_the_huge_page_is_split_into_entries_of_bounded_size() -> None:
    project = ProjectName("litellm")
    page = parse_json_page(huge_page_body(), url="https://i.example/", project=project)
    rows = rows_for(page.files, [HOLD] * 3204, project)
    for base, now in ((None, rows), (rows, {})):
        delta = view_changes(base, now)
        assert len(delta.parts) > 1
        for number, part in enumerate(delta.parts):
            body = {
                "view": "0" * 32, "base": "0" * 32, "part": number, "parts": len(delta.parts),
                "changes": part.changes, "removed": part.removed,
            }  # fmt: skip
            assert len(rfc8785.dumps(body)) < 50_000
        assert applied(base or {}, delta) == now


_rows = st.dictionaries(
    st.sampled_from([f"demo-{i}.0.tar.gz" for i in range(6)]),
    st.tuples(
        st.sampled_from(["", "a" * 64, "b" * 64]),
        st.sampled_from(list(Outcome)),
        st.sampled_from([None, "2026-01-01T00:00:00Z"]),
    ),
).map(lambda d: {n: ViewRow(n, s, "1.0", o.value, "r", u, "") for n, (s, o, u) in d.items()})


@settings(max_examples=150)
@given(_rows, _rows)
def test_base_and_changes_give_the_new_view(
    before: dict[str, ViewRow], after: dict[str, ViewRow]
) -> None:
    delta = view_changes(before, after)
    rebuilt = applied(before, delta)
    assert rebuilt == after
    assert view_id(rebuilt) == view_id(after)
    assert (delta.parts == ()) == (view_id(before) == view_id(after))


def test_bodies_are_plain_json() -> None:
    delta = view_changes(None, rows_of(("demo-1.1.tar.gz", HOLD)))
    changes = delta.parts[0].changes
    assert json.loads(json.dumps(changes)) == changes
    assert set(changes[0]) == set("fsvorub")


# ── block ids ────────────────────────────────────────────────────────────────────────────────


def test_block_ids_are_eight_crockford_letters() -> None:
    seen = set()
    for i in range(2000):
        letters = block_id("pypi", DEMO, f"demo-{i}.tar.gz", "", "cool-down")
        assert len(letters) == 8
        assert set(letters) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        seen.add(letters)
    assert len(seen) == 2000


def test_a_block_id_is_the_front_of_a_hash() -> None:
    spelled = block_id("pypi", DEMO, "demo-1.0.zip", "a" * 64, "cool-down")
    said = json.dumps(
        ["pypi", "demo", "demo-1.0.zip", "a" * 64, "cool-down"], separators=(",", ":")
    )
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number = 0
    for letter in spelled:
        number = number * 32 + digits.index(letter)
    assert number == int.from_bytes(hashlib.sha256(said.encode()).digest()[:5], "big")


@pytest.mark.parametrize(
    "other",
    [
        ("pypi2", "demo", "f", "s", "r"), ("pypi", "demo2", "f", "s", "r"), ("pypi", "demo", "g", "s", "r"),
        ("pypi", "demo", "f", "t", "r"), ("pypi", "demo", "f", "s", "q"), ("pypi", "demof", "", "s", "r"),
    ],
)  # fmt: skip
def test_a_block_id_depends_on_all_it_names(other: tuple[str, str, str, str, str]) -> None:
    index, project, *rest = other
    assert block_id("pypi", DEMO, "f", "s", "r") != block_id(index, ProjectName(project), *rest)
