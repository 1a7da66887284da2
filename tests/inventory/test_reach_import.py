"""Tables of facts: every mistake is named with its line, and one mistake spoils the table."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.errors import InputError
from pratique.inventory.observed.entries import FactsBody, facts_drafts
from pratique.inventory.observed.model import ENTITY_KINDS, Fact, Relation
from pratique.inventory.reach_import.relations import ENDS, EXAMPLES, parse_entity
from pratique.inventory.reach_import.tables import COLUMNS, ReachTableError, read_table, template

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HEAD = ",".join(COLUMNS)
KEY = "identity:aws-access-key/ci"


def facts(text: str, form: str = "csv") -> tuple[Fact, ...]:
    return read_table(text.encode(), form=form, name="reach.csv", now=NOW)


def mistakes(text: str, form: str = "csv") -> str:
    with pytest.raises(ReachTableError) as caught:
        facts(text, form)
    return str(caught.value)


def row(*cells: str) -> str:
    return f"{HEAD}\n{','.join([*cells, *([''] * (7 - len(cells)))])}\n"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_the_template_is_a_table_with_every_relation(form: str) -> None:
    found = facts(template(form), form)
    assert {fact.relation for fact in found} == set(Relation)
    assert facts(template("csv")) == facts(template("csv").replace("\n", "\r\n"))


def test_every_relation_and_entity_is_described() -> None:
    assert set(ENDS) == set(Relation)
    assert set(EXAMPLES) == set(ENTITY_KINDS)
    for kind, example in EXAMPLES.items():
        assert parse_entity(example, (kind,)) == example


# ── when it was so ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("start", "end", "bounds"),
    [
        ("", "", ("", "", "", "")),
        ("2026-01-15", "", ("2026-01-15T00:00:00Z", "2026-01-15T00:00:00Z", "", "")),
        (
            "2026-01-15T10:00:00+02:00", "2026-02-01",
            ("2026-01-15T08:00:00Z", "2026-01-15T08:00:00Z",
             "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        ),
        (
            "2026-01-01..2026-01-15", "2026-02-01..2026-03-01",
            ("2026-01-01T00:00:00Z", "2026-01-15T00:00:00Z",
             "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ),
        ("", "2026-02-01",
         ("", "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z")),
    ],
)  # fmt: skip
def test_bounds(start: str, end: str, bounds: tuple[str, str, str, str]) -> None:
    (fact,) = facts(row("holds", "asset:a", KEY, start, end))
    assert (fact.from_lo, fact.from_hi, fact.to_lo, fact.to_hi) == bounds


def test_a_rotation_speaks_of_one_identity_at_one_time() -> None:
    (fact,) = facts(row("rotated", KEY, "", "2026-03-25"))
    assert (fact.subject, fact.object) == (KEY, KEY)
    assert "one time" in mistakes(row("rotated", KEY, "", ""))
    assert "one time" in mistakes(row("rotated", KEY, "", "2026-03-25", "2026-03-26"))
    assert "one identity" in mistakes(row("rotated", KEY, f"{KEY}2", "2026-03-25"))


# ── mistakes ─────────────────────────────────────────────────────────────────────────────────

WRONG = [
    (row("held", "asset:a", KEY), "line 2", "relation 'held' is not known"),
    (row("holds", "build-7", KEY), "line 2", "not an entity: 'build-7'"),
    (row("holds", "client:acme", KEY), "line 2", "of the kind client"),
    (row("holds", "asset:a", "dataset:x"), "line 2", "of the kind dataset"),
    (row("holds", "asset:a", "identity:ci"), "line 2", "no kind of identity"),
    (row("holds", "asset: ", KEY), "line 2", "not a name"),
    (row("holds", "asset:a", ""), "line 2", "not an entity: ''"),
    (row("holds", "asset:a", KEY, "2026-01-15T10:00:00"), "line 2", "without a time zone"),
    (row("holds", "asset:a", KEY, "soon"), "line 2", "from: not an instant"),
    (row("holds", "asset:a", KEY, "2026-02-01", "2026-01-01"), "line 2", "ends before it begins"),
    (row("holds", "asset:a", KEY, "2026-02-01..2026-01-01"), "line 2", "runs backwards"),
    (row("holds", "asset:a", KEY, "2027-01-01"), "line 2", "in the future"),
    (f"{HEAD}\nholds,asset:a\n", "line 2", "2 cells, the first line has 7"),
    (f'{HEAD}\nholds,"asset:a,{KEY}\n', "line", "not CSV"),
    ("relation,object\nholds,x\n", "line 1", "no column 'subject'"),
    ("relation,subject,owner\n", "line 1", "unknown columns 'owner'"),
    ("relation,subject,subject\n", "line 1", "column 'subject' twice"),
    ("", "line 1", "no column 'relation'"),
    (row("holds", "asset:a\x00", KEY), "line 2", "not"),
]


@pytest.mark.parametrize(("text", "line", "what"), WRONG)
def test_mistakes_are_named_with_their_line(text: str, line: str, what: str) -> None:
    told = mistakes(text)
    assert line in told
    assert what in told


def test_one_wrong_line_spoils_the_table_and_all_are_named() -> None:
    good = row("holds", "asset:a", KEY)
    told = mistakes(f"{good}\nholds,x,{KEY},,,,\nopens,{KEY},dataset:d,,,,\nnope,,,,,,\n")
    assert "line 4" in told
    assert "line 6" in told
    assert "line 5" not in told
    assert "nothing was recorded" in told


def test_many_mistakes_are_cut() -> None:
    told = mistakes(f"{HEAD}\n" + "x,y,,,,,\n" * 500)
    assert told.count("line ") == 20


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"relation": "holds"', "line 1"),
        ('{"relation": 3}', "line 1"),
        ("[1]", "line 1"),
        ('\n\n{"relation": "holds", "subject": "asset:a", "who": "x"}', "line 3: unknown key 'who'"),
    ],
)  # fmt: skip
def test_mistakes_in_json_lines(text: str, what: str) -> None:
    assert what in mistakes(text, "jsonl")


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ReachTableError, match="line 2: not UTF-8"):
        read_table(b"relation,subject\n\xff", form="csv", name="t", now=NOW)


def test_a_table_of_a_spreadsheet_is_read() -> None:
    text = '\ufeffRelation, Subject ,object\r\nHOLDS,asset:a,identity:env/""X\r\n\r\n'
    with pytest.raises(InputError):
        facts("\ufeff" + text)
    (fact,) = facts(f"Relation, Subject ,object\r\nHOLDS, asset:a ,{KEY}\r\n,,\r\n")
    assert (fact.relation, fact.subject) == (Relation.HOLDS, "asset:a")
    assert fact.source == "reach.csv, line 2"


# ── laws ─────────────────────────────────────────────────────────────────────────────────────

TEXT = st.text(alphabet="abZ09/:., '\"é-", min_size=1, max_size=20)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=5))
def test_what_json_lines_say_csv_says_too(rows: list[tuple[str, str, str]]) -> None:
    lines = [
        {"relation": "holds", "subject": f"asset:{a}", "object": f"identity:{b}/{b}", "note": c}
        for a, b, c in rows
    ]
    as_json = "\n".join(json.dumps(line) for line in lines)
    quoted = [[f'"{v}"' for v in (q.replace('"', '""') for q in line.values())] for line in lines]
    as_csv = "\n".join(["relation,subject,object,note", *(",".join(cells) for cells in quoted)])
    try:
        told = [(f.subject, f.object, f.note) for f in facts(as_json, "jsonl")]
    except ReachTableError:
        with pytest.raises(ReachTableError):
            facts(as_csv)
        return
    assert [(f.subject, f.object, f.note) for f in facts(as_csv)] == told or len(told) < len(rows)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["csv", "jsonl"]))
def test_no_text_crashes(text: str, form: str) -> None:
    with contextlib.suppress(ReachTableError):
        facts(text, form)


def test_long_facts_fit_into_entries() -> None:
    long = [
        Fact(relation=Relation.HOLDS, subject=f"asset:{'a' * 400}{n}", object=KEY, note="n" * 500)
        for n in range(250)
    ]
    drafts = facts_drafts(long, source="t", actor="operator:a")
    assert sum(len(draft.body["facts"]) for draft in drafts) == 250
    assert all(len(json.dumps(draft.body)) < 60_000 for draft in drafts)
    assert all(len(draft.body["facts"]) <= 100 for draft in drafts)
    assert FactsBody(facts=()).facts == ()
    assert facts_drafts([], source="t", actor="a") == []
