"""`pratique verify case.xpz`: what the stand-alone verifier checks, and time stamps and replay besides."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pratique import __version__
from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.case_verifier import CaseError, check_case, members_of, render_report
from pratique.doors.cli.plain import safe_line
from pratique.errors import PratiqueError
from pratique.exposure.incident import IncidentAnswer
from pratique.ledger.errors import NoteError
from pratique.ledger.merkle import Frontier, extend, leaf_hash
from pratique.ledger.notes import Checkpoint, Verifier, open_checkpoint, parse_verifier
from pratique.values.instants import render_instant

_ZIP: Final = b"PK\x03\x04"
GENERATOR: Final = f"pratique {__version__}"


def is_case(data: bytes) -> bool:
    """Whether a file is a case rather than a bundle of entries."""
    return data.startswith(_ZIP)


def verifier_source() -> bytes:
    """The stand-alone verifier as it goes into every case."""
    package = importlib.resources.files("pratique.doors.cli")
    return package.joinpath("case_verifier.py").read_bytes()


class _Incomparable(Exception):  # noqa: N818 - an answer, not a fault
    """Nothing in the case leads to the reader's checkpoint."""


def show_case(
    file: Path,
    data: bytes,
    *,
    verifier: Verifier | None,
    known: str | None,
    roots: bytes | None,
    form: str,
) -> int:
    """Verify a case and say what was found; gives the exit code."""
    try:
        report = check_case(data, None if verifier is None else verifier.render())
        members = members_of(data)
        report["verifier_is_ours"] = members["verify.py"] == verifier_source()
        report["page_compared"] = _is_page_of_answer(members, report)
        report["time_stamps"] = _stamps(members, roots)
        report["asked_again"] = bool(report["all_entries_present"]) and _asked_again(members)
        if known is not None:
            own = parse_verifier(str(report["verifier_key"]))
            report["agrees_with_checkpoint"] = _compare(known, own, members)
    except _Incomparable as error:
        _refuse(file, str(error), form, verified=None)
        return EXIT_UNKNOWN
    except (CaseError, PratiqueError) as error:
        _refuse(file, str(error), form, verified=False)
        return EXIT_FOUND
    if form == "json":
        _echo_json(report)
    else:
        click.echo(f"{file}: {_text(report)}")
    return EXIT_NOTHING_FOUND


def _refuse(file: Path, reason: str, form: str, *, verified: bool | None) -> None:
    if form == "json":
        _echo_json({"verified": verified, "reason": reason})
    elif verified is None:
        click.echo(f"{file}: holds, but cannot be compared: {safe_line(reason)}")
    else:
        click.echo(f"{file}: does not hold: {safe_line(reason)}")


def _text(report: dict[str, Any]) -> str:
    plain = {**report, "time_stamps": 0}
    lines = [render_report(plain)]
    for stamp in report["time_stamps"]:
        if stamp["at"] is None:
            lines.append("  time     a stamp names this checkpoint; give --stamp-root to check it")
        else:
            trust = "" if stamp["roots_from"] == "you" else " (certificates taken from the file)"
            lines.append(
                f"  time     before {stamp['at']}, says {safe_line(stamp['authority'])}{trust}"
            )
    if not report["verifier_is_ours"]:
        lines.append(
            "  verifier verify.py in the file is not the one of this program: do not run it; "
            "take ours: pratique verify --print-verifier"
        )
    if "agrees_with_checkpoint" in report:
        lines.append(
            f"  agrees   with your checkpoint of {report['agrees_with_checkpoint']} entries"
        )
    return "\n".join(lines)


def _stamps(members: dict[str, bytes], roots: bytes | None) -> list[dict[str, Any]]:
    """What each time stamp says, by the reader's certificates or the file's own."""
    found: list[dict[str, Any]] = []
    for name in sorted(members):
        if not name.endswith(".tsr"):
            continue
        certificates = roots or members.get(name.replace(".tsr", ".pem"))
        if certificates is None:
            found.append({"at": None, "authority": None, "roots_from": None})
            continue
        from pratique.exposure.bundle.stamps import verify_stamp  # noqa: PLC0415 - few cases have any

        stamped = verify_stamp(members[name], certificates, members["checkpoint"])
        found.append(
            {
                "at": render_instant(stamped.at),
                "authority": stamped.authority,
                "roots_from": "you" if roots else "the file itself",
            }
        )
    return found


def _compare(note: str, verifier: Verifier, members: dict[str, bytes]) -> int:
    """Size of the reader's checkpoint, when the case's log is the same or extends it."""
    try:
        known = open_checkpoint(note, verifier)
    except NoteError as error:
        raise CaseError(f"your checkpoint: {error.message}") from error
    mine = open_checkpoint(members["checkpoint"].decode(), verifier)
    if known.size == mine.size:
        _require_same(known, mine.root)
        return known.size
    leaves = [
        line
        for name in sorted(members)
        if name.startswith("replay/")
        for line in members[name].split(b"\n")[:-1]
    ]
    if known.size > mine.size or not leaves:
        raise _Incomparable(
            f"your checkpoint is of {known.size} entries, the case's of {mine.size}; ask for a case "
            "made with --checkpoint and yours, or with --replay"
        )
    frontier, _ = extend(Frontier(), (leaf_hash(leaf) for leaf in leaves[: known.size]))
    _require_same(known, frontier.root())
    return known.size


def _require_same(known: Checkpoint, root: bytes) -> None:
    if known.root != root:
        raise CaseError(
            f"the log shows two histories: two signed roots for {known.size} entries; keep both "
            "files, they prove that the log was forked"
        )


def _asked_again(members: dict[str, bytes]) -> bool:
    """Ask the question again of all entries; the answer must be the same, byte by byte."""
    from pratique.doors.cli.case_replay import answer_again  # noqa: PLC0415 - opens a store

    if answer_again(members) != members["answer.json"]:
        raise CaseError("asked again from all entries, the answer is another one")
    return True


def _is_page_of_answer(members: dict[str, bytes], report: dict[str, Any]) -> bool:
    """Whether the page is what the answer gives; False: another version wrote it.

    The house signs both, and could have signed a kinder page.
    """
    if report["generator"] != GENERATOR:
        return False
    from pratique.exposure.bundle.case import render_case_page  # noqa: PLC0415 - loads templates

    try:
        answer = msgspec.json.decode(members["answer.json"], type=IncidentAnswer)
    except msgspec.MsgspecError as error:
        raise CaseError(f"answer.json cannot be read: {error}") from error
    scope = report["scope"]
    page = render_case_page(
        answer,
        client=scope["name"] if scope["kind"] == "client" else "",
        shown=report["facts"],
        withheld=report["withheld"],
        whole=report["all_entries_present"],
    )
    if page != members["answer.html"]:
        raise CaseError(
            "answer.html is not the page that answer.json gives: it says something else"
        )
    return True


def _echo_json(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
