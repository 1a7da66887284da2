"""CSV and JSON lines of facts, read strictly: columns, entities, instants, spans.

Columns: `relation`, `subject`, `object`, `from`, `to`, `source`, `note`. What an empty `from` or `to`
means stands in docs/howto/record-reach.md, "When it was so".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from pratique.errors import InputError, ValueFormatError
from pratique.inventory.observed.model import EvidenceClass, Fact, Relation
from pratique.inventory.reach_import.relations import ENDS, parse_entity
from pratique.values.instants import Instant, parse_instant, render_instant

COLUMNS: Final = ("relation", "subject", "object", "from", "to", "source", "note")
NEEDED: Final = ("relation", "subject")
MAX_BYTES: Final = 256 << 20
MAX_FACTS: Final = 2_000_000
_MAX_TEXT: Final = 500
_TOLD: Final = 20
"""Mistakes named in one error."""


class ReachTableError(InputError):
    """A table that cannot be taken over; nothing of it was."""


def read_table(data: bytes, *, form: str, name: str, now: Instant) -> tuple[Fact, ...]:
    """Facts of a table.

    `form` is `csv` or `jsonl`; `name` is how the file is called in errors and in the source of facts
    that name none. Raises: ReachTableError, naming every wrong line (at most 20).
    """
    if len(data) > MAX_BYTES:
        raise ReachTableError(f"{name} has more than {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ReachTableError(
            f"{name}, line {line}: not UTF-8", expected="a text in UTF-8"
        ) from None
    rows = _csv_rows(text, name) if form == "csv" else _json_rows(text)
    facts: dict[Fact, None] = {}
    wrong: list[str] = []
    for count, (line, row) in enumerate(rows):
        if count >= MAX_FACTS:
            raise ReachTableError(f"{name} has more than {MAX_FACTS:,} rows")
        found = row if isinstance(row, str) else _fact(row, source=f"{name}, line {line}", now=now)
        if isinstance(found, str):
            wrong.append(f"line {line}: {found}")
        else:
            facts[found] = None
        if len(wrong) >= _TOLD:
            wrong.append("and perhaps more: reading ended here")
            break
    if wrong:
        raise ReachTableError(
            f"{name} has mistakes, nothing was recorded:\n    " + "\n    ".join(wrong),
            expected="columns as: pratique reach template",
        )
    return tuple(facts)


def _csv_rows(text: str, name: str) -> Iterator[tuple[int, Mapping[str, str] | str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip().lower() for column in next(reader, [])]
        _check_header(header, name)
        for cells in reader:
            line = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                yield line, f"{len(cells)} cells, the first line has {len(header)}"
                continue
            yield line, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        yield reader.line_num, f"not CSV: {error}"


def _check_header(header: list[str], name: str) -> None:
    unknown = [column for column in header if column not in COLUMNS]
    missing = [column for column in NEEDED if column not in header]
    twice = [column for column in header if header.count(column) > 1]
    if unknown or missing or twice:
        what = (
            f"unknown columns {', '.join(map(repr, unknown))[:200]}"
            if unknown
            else f"no column {missing[0]!r}"
            if missing
            else f"column {twice[0]!r} twice"
        )
        raise ReachTableError(
            f"{name}, line 1: {what}", expected=f"a first line with {','.join(COLUMNS)}"
        )


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, str] | str]]:
    for line, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        try:
            value = msgspec.json.decode(row, type=dict[str, str | None])
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            yield line, f"not a JSON object of texts: {error}"
            continue
        unknown = [key for key in value if key not in COLUMNS]
        if unknown:
            yield line, f"unknown key {unknown[0][:40]!r}; known are {', '.join(COLUMNS)}"
            continue
        yield line, {key: text or "" for key, text in value.items()}


def _fact(row: Mapping[str, str], *, source: str, now: Instant) -> Fact | str:
    """The fact of a row, or what is wrong with it."""
    try:
        return fact_of(row, source=source, now=now)
    except InputError as error:
        return f"{error.message}{f'; expected: {error.expected}' if error.expected else ''}"


def fact_of(row: Mapping[str, str], *, source: str, now: Instant) -> Fact:
    """One fact. Raises: InputError."""
    told = row.get("relation", "").strip().lower()
    if told not in {one.value for one in Relation}:
        known = ", ".join(one.value for one in Relation)
        raise InputError(f"relation {told[:40]!r} is not known", expected=f"one of {known}")
    relation = Relation(told)
    ends = ENDS[relation]
    subject = parse_entity(row.get("subject", ""), ends.subjects)
    target = row.get("object", "").strip()
    if ends.to_itself and target in {"", subject}:
        target = subject
    elif ends.to_itself:
        raise InputError(f"{told} speaks of one identity", expected="an empty object")
    else:
        target = parse_entity(target, ends.objects)
    from_lo, from_hi, to_lo, to_hi = _bounds(row, relation, now)
    return Fact(
        relation=relation,
        subject=subject,
        object=target,
        from_lo=from_lo,
        from_hi=from_hi,
        to_lo=to_lo,
        to_hi=to_hi,
        evidence_class=EvidenceClass.ASSERTED,
        source=_line(row.get("source", ""), "source") or source,
        note=_line(row.get("note", ""), "note"),
    )


def _line(text: str, column: str) -> str:
    stripped = " ".join(text.split())
    if len(stripped) > _MAX_TEXT or not stripped.isprintable():
        raise InputError(f"{column} is no printable line of at most {_MAX_TEXT} characters")
    return stripped


def _bounds(row: Mapping[str, str], relation: Relation, now: Instant) -> tuple[str, str, str, str]:
    """The four bounds. An empty `from` is "nobody knows since when", an empty `to` "it still is so"."""
    first = _moment(row.get("from", ""), "from")
    last = _moment(row.get("to", ""), "to")
    if ENDS[relation].to_itself and (first is None or last is not None):
        raise InputError(f"{relation.value} happens at one time", expected="`from`, and no `to`")
    if first is not None and first[0] > now:
        raise InputError(f"from {render_instant(first[0])} lies in the future")
    if first is not None and last is not None and last[1] <= first[0]:
        raise InputError("it ends before it begins", expected="from earlier than to")
    known_since = first[1] if first is not None else last[0] if last is not None else None
    return (
        "" if first is None else render_instant(first[0]),
        # What ended at a known time was so right before it at the latest.
        "" if known_since is None else render_instant(known_since),
        "" if last is None else render_instant(last[0]),
        "" if last is None else render_instant(last[1]),
    )


def _moment(text: str, column: str) -> tuple[Instant, Instant] | None:
    """An instant, or two with `..` between when it lies somewhere in between."""
    stripped = text.strip()
    if not stripped:
        return None
    lower, dots, upper = stripped.partition("..")
    try:
        low = parse_instant(lower)
        high = parse_instant(upper) if dots else low
    except ValueFormatError as error:
        raise InputError(f"{column}: {error.message}", expected=error.expected) from None
    if high < low:
        raise InputError(f"{column}: {stripped[:80]!r} runs backwards", expected="EARLIER..LATER")
    return low, high


def template(form: str) -> str:
    """A table to fill in, with one row of each relation."""
    rows = template_rows()
    if form == "jsonl":
        return "".join(f"{msgspec.json.encode(row).decode()}\n" for row in rows)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def template_rows() -> list[dict[str, str]]:
    """The rows of the template."""
    return list(_template_rows())


def _template_rows() -> Iterable[dict[str, str]]:
    since = "2026-01-15T00:00:00Z"
    deploy, admin = "identity:aws-access-key/ci-deploy", "identity:aws-role/data-reader"
    yield _row(Relation.HOLDS, "asset:build-7", deploy, since, "", "vault export of 15 January")
    yield _row(Relation.ASSUMES, deploy, admin, since)
    yield _row(Relation.OPENS, admin, "dataset:speech-2026", since)
    yield _row(Relation.BELONGS_TO, "dataset:speech-2026", "client:acme", since)
    yield _row(Relation.BELONGS_TO, "dataset:speech-2026", "people:speakers-eu", since)
    yield _row(Relation.OPERATED_BY, "asset:label-server", "vendor:labelco", since, "2026-06-30")
    yield _row(Relation.ROTATED, deploy, "", "2026-03-25T09:00:00Z", "", "ticket 4711")
    yield _row(Relation.VERIFIED_DEAD, deploy, "", "2026-03-25T09:05:00Z", "", "ticket 4711")
    yield _row(
        Relation.POINTS_TO,
        "ref:githubactions/tj-actions/changed-files@v45",
        "digest:sha1:0e58ed8671d6b60d0890c21b07f8835ace038e67",
        "2025-03-14T00:00:00Z..2025-03-14T16:00:00Z",
        "2025-03-15T16:00:00Z..2025-03-16T00:00:00Z",
    )
    yield _row(Relation.FETCHES_THROUGH, "asset:build-7", "door:index", since)


def _row(relation: Relation, subject: str, target: str, start: str, end: str = "",
         source: str = "") -> dict[str, str]:  # fmt: skip
    return {"relation": relation.value, "subject": subject, "object": target, "from": start,
            "to": end, "source": source, "note": ""}  # fmt: skip
