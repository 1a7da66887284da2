"""Tables of the console on a narrow screen: rows become cards, and each cell says what it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pratique.doors.console

_TEMPLATES = sorted((Path(pratique.doors.console.__file__).parent / "templates").glob("*.html"))


@pytest.mark.parametrize("template", _TEMPLATES, ids=lambda one: one.stem)
def test_every_table_becomes_cards(template: Path) -> None:
    text = template.read_text("utf-8")
    for table in re.findall(r"<table.*?</table>", text, re.DOTALL):
        assert table.startswith('<table class="cards">'), table[:200]
        # On a narrow screen the first row is not shown: it has to be the one with the names.
        assert table.index("<th") < table.index("<td"), table[:200]
        bare = [cell for cell in re.findall(r"<td[^>]*>", table) if "data-of=" not in cell]
        assert not bare, bare


def test_there_are_tables() -> None:
    assert sum(one.read_text("utf-8").count("<table") for one in _TEMPLATES) > 10
