"""Look-alikes of published incidents are malicious through the diff; their honest neighbours are clean.

Nothing here is ever run: releases are made in memory and read as bytes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import product

import pytest

from evals import places, trees
from evals.lookalikes import bases
from evals.lookalikes.deeds import COLLECT, FETCH_RUNTIME
from evals.lookalikes.incidents import LOOKALIKES
from evals.lookalikes.judging import Row, judge, judge_all, real
from evals.lookalikes.shape import FORMS, Lookalike, filename, make, predecessor
from kit.bases import Bases
from kit.stand_ins import stand_in
from pratique.policy.model import Verdict
from pratique.vet.engine import facts_of, vet_archive
from pratique.vet.model import Context, Regime

INCIDENTS = sorted({one.incident for one in LOOKALIKES})


def rows_of(incident: str) -> Iterator[Row]:
    yield from judge_all([one for one in LOOKALIKES if one.incident == incident], stand_in)


def check(row: Row) -> None:
    place = f"{row.one.incident}, {row.one.name}, {row.form}: {row.verdict} {row.report.score}"
    wanted = {Verdict.MALICIOUS} if row.one.shape else {Verdict.MALICIOUS, Verdict.SUSPICIOUS}
    assert row.report.verdict in wanted, place
    assert row.report.regime is (Regime.FIRST if row.one.alone else Regime.DIFF), place


def site_path(path: str) -> str:
    """As installed: without the folders that an sdist adds."""
    return re.sub(r"^[\w.]+-\d[\w.]*/(?:src/)?", "", path)


@pytest.mark.slow
@pytest.mark.parametrize("incident", INCIDENTS)
def test_on_stand_ins_every_lookalike_is_caught_where_it_stands(incident: str) -> None:
    rows = list(rows_of(incident))
    for row in rows:
        check(row)
        assert site_path(row.headline).startswith(row.one.first), row.headline
    caught = [row.report.verdict is Verdict.MALICIOUS for row in rows]
    assert sum(caught) > len(caught) / 2


@pytest.mark.parametrize("one", LOOKALIKES[:1] + LOOKALIKES[-1:], ids=lambda one: one.incident)
@pytest.mark.parametrize("form", FORMS)
def test_without_the_payload_the_same_release_is_clean(one: Lookalike, form: str) -> None:
    honest = stand_in(one, form)
    plain = Lookalike(
        incident=one.incident, name="", project=one.project, base=one.base, version=one.version,
        edits=(),
    )  # fmt: skip
    base = facts_of(honest, filename(one.project, one.base, form))
    report = vet_archive(*make(plain, honest, form), context=Context(), base=base).report
    assert report.verdict is Verdict.CLEAN


def test_the_litellm_hook_has_the_size_and_the_one_line_of_the_incident() -> None:
    one = next(one for one in LOOKALIKES if one.name == "hook")
    data = trees.unpack(*make(one, stand_in(one, "wheel"), "wheel"))["litellm_init.pth"]
    assert abs(len(data) - 34_628) < 200
    assert data.count(b"\n") == 1
    assert data.startswith(b"import os, subprocess, sys; subprocess.Popen(")


def test_every_incident_has_its_shape_and_three_disguises() -> None:
    for incident in INCIDENTS:
        mine = [one for one in LOOKALIKES if one.incident == incident]
        assert any(one.shape for one in mine)
        assert sum(not one.shape for one in mine) >= 3
    assert len({(one.incident, one.name) for one in LOOKALIKES}) == len(LOOKALIKES)


def test_texts_of_ours_name_no_host_that_exists() -> None:
    for text in (COLLECT, FETCH_RUNTIME, *(edit.data.decode("latin-1") for one in LOOKALIKES
                                           for edit in one.edits if len(edit.data) < 100_000)):  # fmt: skip
        for host in re.findall(r"https?://([\w.-]+)", text):
            assert host.endswith(".example") or host == "169.254.169.254", host


def test_what_is_inserted_into_sources_is_python() -> None:
    for one in LOOKALIKES:
        for edit in one.edits:
            if edit.path.endswith(".py") and b"\0" not in edit.data and edit.before[:1] != " ":
                ast.parse(edit.data)


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("incident", INCIDENTS)
def test_on_real_releases_every_lookalike_is_caught_and_the_honest_next_one_is_clean(
    incident: str,
) -> None:
    """Together, since both need the facts of the same large releases."""
    mine = [one for one in LOOKALIKES if one.incident == incident]
    made = Bases()
    for one, form in product(mine, FORMS):
        if one.alone:
            honest, base = b"", None
        else:
            honest = real(one, form)
            base = made.of(*predecessor(one, honest, form))
        check(Row(one=one, form=form, report=judge(one, honest, form, base)))
    projects = {one.project for one in mine if not one.alone}
    pairs = [pair for pair in bases.honest_pairs() if pair[1].project in projects]
    assert {pair[1].form for pair in pairs} == set(FORMS)
    for old, new in pairs:
        base = made.of(bases.load(old), old.filename)
        context = Context(project=new.project, first_release=False)
        report = vet_archive(bases.load(new), new.filename, context=context, base=base).report
        assert report.verdict is Verdict.CLEAN, new.filename


def test_every_honest_pair_belongs_to_an_incident() -> None:
    projects = {one.project for one in LOOKALIKES if not one.alone}
    assert {new.project for _, new in bases.honest_pairs()} == projects


def test_the_list_pins_both_forms_of_every_base() -> None:
    for one in LOOKALIKES:
        for form in () if one.alone else FORMS:
            assert bases.releases()[one.project, one.base, form].role == bases.BASE
    assert all(re.fullmatch(r"[0-9a-f]{64}", found.sha256) for found in bases.releases().values())
    assert places.LISTS in bases.LIST.parents
