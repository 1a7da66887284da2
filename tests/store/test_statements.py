"""Words of statements: what dialects spell differently, and what many statements repeat."""

from __future__ import annotations

import re

import pytest

from pratique.store.statements import (
    SQL_FOLDER,
    Dialect,
    Word,
    fill_in,
    load_statements,
    load_words,
    parse_words,
)

WORDS = """-- word: each row list
-- Rows of a list.
json_each($list) AS $row

-- word: swapped row list
-- Uses another word, its blanks the other way round.
({{each $list $row}})

-- word: plain
-- Has no blanks; a JSON path is none.
'$[0]'
"""


def read(text: str = WORDS) -> dict[str, Word]:
    words: dict[str, Word] = {}
    parse_words(text, into=words)
    return words


def test_a_use_is_replaced_by_its_word_with_the_blanks_filled_in() -> None:
    words = read()
    assert fill_in("FROM {{each k :items}}, {{plain}};", words) == (
        "FROM json_each(:items) AS k, '$[0]';"
    )
    assert fill_in("{{swapped a b}}", words) == "(json_each(a) AS b)"
    assert fill_in("{{each  list\n row}}", words) == "json_each(row) AS list"
    assert fill_in("SELECT '{}', {tx:UInt64};", words) == "SELECT '{}', {tx:UInt64};"


@pytest.mark.parametrize(
    "use", ["{{}}", "{{other}}", "{{each k}}", "{{each k :a :b}}", "{{plain k}}"]
)
def test_a_use_that_fits_no_word_is_refused(use: str) -> None:
    with pytest.raises(ValueError, match="no word") as told:
        fill_in(f"SELECT {use};", read())
    assert use in str(told.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with"),
        ("x\n" + WORDS, "begins with"),
        ("-- word: a\nx", "begins with"),
        (WORDS + "\n-- word: plain\n-- Again.\nx\n", "plain exists already"),
        ("-- word: a row\n-- Has a blank too many.\n$row $list\n", "a has no blank \\$list"),
        (
            "-- word: a\n-- Uses what comes later.\n{{b}}\n\n-- word: b\n-- Later.\nx\n",
            "no word 'b'",
        ),
    ],
)
def test_a_file_of_words_that_is_wrong_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(text)


def test_dialects_have_the_same_words_and_every_word_is_used() -> None:
    sqlite, postgres = load_words("sqlite"), load_words("postgres")
    assert {name: word.blanks for name, word in sqlite.items()} == {
        name: word.blanks for name, word in postgres.items()
    }
    texts = [path.read_text("utf-8") for path in SQL_FOLDER.rglob("*.sql")]
    used = {use.split()[0] for text in texts for use in re.findall(r"\{\{([^{}]+)\}\}", text)}
    assert used == sqlite.keys()


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_nothing_of_a_word_is_left_in_a_statement(dialect: Dialect) -> None:
    for statement in load_statements(dialect).values():
        assert not re.search(r"\{\{|\}\}|\$[a-z]", statement.sql), statement.name


def test_no_dialect_repeats_what_the_other_says() -> None:
    """What is the same in both belongs into `sql/shared`, perhaps with a word."""
    by_dialect = {
        dialect: {
            found.group(1): " ".join(found.group(2).split())
            for path in (SQL_FOLDER / dialect).glob("*.sql")
            for found in re.finditer(
                r"^-- name: (\w+)\n--[^\n]*\n(.*?)(?=^-- name: |\Z)",
                path.read_text("utf-8"),
                re.MULTILINE | re.DOTALL,
            )
        }
        for dialect in ("sqlite", "postgres")
    }
    sqlite, postgres = by_dialect["sqlite"], by_dialect["postgres"]
    assert [name for name in sqlite if sqlite[name] == postgres.get(name)] == []
