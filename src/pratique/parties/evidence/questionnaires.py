"""Questionnaires in the manner of CAIQ: CSV as spreadsheets save it, or JSON.

CSV: a line of headings among the first twenty names at least the columns of id (or question) and
answer; commas, semicolons or tabs. JSON: an object with `answers`, or the list itself.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any, Final

from pratique.parties.evidence.documents import decode_value
from pratique.parties.evidence.model import (
    Given,
    Reading,
    UnreadablePieceError,
    claim,
    line,
    moment,
    rows,
)
from pratique.parties.model import Claim, EvidenceKind

MAX_ROWS: Final = 20_000
MAX_TABLE_BYTES: Final = 8 << 20
"""Of CSV: a megabyte of commas or empty lines takes longer to read than one of answers."""
_MOST_LINES: Final = 5 * MAX_ROWS
_MOST_COLUMNS: Final = 1_000
_TOO_MANY: Final = f"it has more than {MAX_ROWS:,} answers"
_HEADING_WITHIN: Final = 20
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "question id", "question_id", "control id", "control", "no", "nr"),
    "topic": ("topic",),
    "question": ("question", "caiq question", "consensus assessment questions"),
    "answer": ("answer", "csp caiq answer", "response", "consensus assessment answers", "reply"),
    "detail": (
        "detail",
        "details",
        "comment",
        "comments",
        "notes",
        "explanation",
        "csp implementation description (optional/recommended)",
        "csp implementation description",
    ),
}
_ANSWERS: Final = {
    "y": "yes", "yes": "yes", "true": "yes", "n": "no", "no": "no", "false": "no",
    "na": "not applicable", "n/a": "not applicable", "not applicable": "not applicable",
    "partial": "partly", "partially": "partly", "partly": "partly",
}  # fmt: skip


def read_questionnaire(data: bytes, given: Given) -> Reading:
    """Read answers. Raises: UnreadablePieceError."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        return _read_json(data, given)
    if len(data) > MAX_TABLE_BYTES:
        raise UnreadablePieceError(
            f"as a table it has more than {MAX_TABLE_BYTES >> 20} MiB; send it in parts"
        )
    table = _table(_text(data))
    return _reading(table, given, {}, "text/csv")


def is_questionnaire(found: Mapping[str, Any]) -> bool:
    """Whether a JSON object holds answers."""
    return isinstance(found.get("answers"), list)


def _read_json(data: bytes, given: Given) -> Reading:
    found = decode_value(data)
    top = found if isinstance(found, dict) else {"answers": found}
    answers = top.get("answers")
    if not isinstance(answers, list):
        raise UnreadablePieceError("it has no list of `answers`")
    if len(answers) > MAX_ROWS:
        raise UnreadablePieceError(_TOO_MANY)
    told = [{name: _cell(row, names) for name, names in _COLUMNS.items()} for row in rows(answers)]
    return _reading(told, given, top, "application/json")


def _reading(
    table: list[dict[str, str]], given: Given, top: Mapping[str, Any], media_type: str
) -> Reading:
    if len(table) > MAX_ROWS:
        raise UnreadablePieceError(_TOO_MANY)
    claims = tuple(_claim(row) for row in table if row["answer"] or row["question"] or row["id"])
    faults = []
    if not any(row["answer"] for row in table):
        faults.append("no question in it is answered")
    open_ones = sum(not row["answer"] for row in table)
    if open_ones and not faults:
        faults += (
            [f"{open_ones} of its questions have no answer"] if open_ones == len(table) else []
        )
    name = line(top.get("questionnaire")) or line(top.get("name"))
    version = line(top.get("version"))
    subject = " ".join(one for one in (name, version) if one)
    return Reading(
        kind=EvidenceKind.QUESTIONNAIRE,
        media_type=media_type,
        subjects=(subject,) if subject else (),
        made_at=moment(top.get("made_at")) or given.made_at,
        expires_at=moment(top.get("expires_at")),
        claims=claims,
        faults=tuple(faults),
    )


def _claim(row: Mapping[str, str]) -> Claim:
    answer = _ANSWERS.get(row["answer"].strip().casefold(), row["answer"])
    topic = row["topic"] or f"question:{row['id'] or row['question'][:80]}"
    told = "; ".join(one for one in (row["question"], row["detail"]) if one)
    # A topic is what checks ask for; there the detail alone is the answer's own.
    return claim(topic, answer or "no answer", row["detail"] if row["topic"] else told)


def _cell(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = row.get(name)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, list):
            return ", ".join(line(one) for one in value[:100])
        if isinstance(value, str | int):
            return str(value)[:2000]
    return ""


def _text(data: bytes) -> str:
    if data[:4] == b"PK\x03\x04":
        raise UnreadablePieceError("it is a spreadsheet or an archive; save the answers as CSV")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")  # what spreadsheets save without being asked
    if "\0" in text:
        raise UnreadablePieceError("it is no text")
    return text


def _table(text: str) -> list[dict[str, str]]:
    for delimiter in (",", ";", "\t"):
        found = _with_delimiter(text, delimiter)
        if found is not None:
            return found
    raise UnreadablePieceError(
        f"none of its first {_HEADING_WITHIN} lines has columns of an id or question, and of an answer"
    )


def _with_delimiter(text: str, delimiter: str) -> list[dict[str, str]] | None:
    """Rows below the headings; None when there are no headings with this delimiter."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    places: dict[str, int] | None = None
    found: list[dict[str, str]] = []
    try:
        for number, cells in enumerate(reader):
            if places is None:
                if number >= _HEADING_WITHIN:
                    return None
                places = _places(cells)
            elif number > _MOST_LINES:
                raise UnreadablePieceError(f"it has more than {_MOST_LINES:,} lines")
            elif len(found) > MAX_ROWS:
                break
            elif any(cell.strip() for cell in cells):
                found.append(
                    {
                        name: cells[places[name]].strip()
                        if name in places and places[name] < len(cells)
                        else ""
                        for name in _COLUMNS
                    }
                )
    except csv.Error as error:
        raise UnreadablePieceError(f"it is not CSV: {error}") from None
    return found if places is not None else None


def _places(cells: list[str]) -> dict[str, int] | None:
    told = [" ".join(cell.split()).casefold() for cell in cells[:_MOST_COLUMNS]]
    places = {
        name: told.index(word) for name, words in _COLUMNS.items() for word in words if word in told
    }
    good = "answer" in places and places.keys() & {"id", "question", "topic"}
    return places if good else None
