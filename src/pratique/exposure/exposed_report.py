"""What `pratique exposed` prints as JSON; docs/reference/cli-exposed.md has the keys.

Keys of the time when only our door was asked keep their meaning; the rest is the answer's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import AssetLine, Group, IncidentAnswer
from pratique.exposure.report import coverage_json
from pratique.values.instants import render_instant

if TYPE_CHECKING:
    from pratique.exposure.answer import Answer
    from pratique.exposure.answer import AssetLine as DoorLine
    from pratique.values.instants import Instant


def is_clear(answer: IncidentAnswer, door: Answer | None) -> bool:
    """Whether nobody had it: every asset known is cleared, or there is none and our door watched."""
    nobody = not answer.lines and not answer.groups
    return answer.clear or (nobody and door is not None and door.clear)


def render_exposed_json(answer: IncidentAnswer, door: Answer | None) -> str:
    """Everything, for programs; keys are stable. Groups must name all their assets."""
    from pratique.exposure.answer import BLIND_SPOTS  # noqa: PLC0415 - loads packaging

    asked = answer.asked
    plain: dict[str, Any] = msgspec.to_builtins(answer)
    body: dict[str, Any] = {
        "question": {
            "releases": [
                {"project": one.name, "version": one.version, "type": one.type}
                for one in asked.releases
            ],
            "sha256s": [d.removeprefix("sha256:") for d in asked.digests if d[:7] == "sha256:"],
            "digests": list(asked.digests),
            "advisories": list(asked.advisories),
            "from": _text(asked.start),
            "to": _text(asked.end),
            "asset": asked.assets[0] if len(asked.assets) == 1 else "",
            "assets": list(asked.assets),
        },
        "asked_at": render_instant(answer.asked_at),
        "ledger_entries": answer.as_known_at,
        "facts": answer.facts,
        "clear": is_clear(answer, door),
        "found": answer.found,
        "fetched": any(_is_fetched(line) for line in answer.lines),
        "counts": {word.value: getattr(answer.counts, word.value) for word in Certainty},
        **{key: plain[key] for key in ("stages", "advisories", "windows", "widest")},
        "assets": [*map(_line, answer.lines), *_others(answer, door)],
        "reach": plain["reach"],
        "coverage": None if door is None else coverage_json(door.coverage),
        "unreadable_entries": answer.unreadable,
        "unexplained_answers": answer.unexplained,
        "not_seen": [*answer.not_seen, *(BLIND_SPOTS if door is not None else ())],
        "digest": answer.digest,
    }
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode()


def _is_fetched(line: AssetLine) -> bool:
    return line.certainty.exposed and line.stage not in {None, "listed"}


def _line(line: AssetLine) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(line)
    door = plain.pop("door")
    return {
        **plain,
        "offered": door["offered"] if door else None,
        "times": door["times"] if door else len(line.sightings),
        "files": door["files"] if door else [],
        "refused": door["refused"] if door else 0,
    }


def _others(answer: IncidentAnswer, door: Answer | None) -> Iterator[dict[str, Any]]:
    """Assets that are told in groups, one by one, with what our door knows of them."""
    told = {} if door is None else {line.asset: line for line in door.lines}
    for group in answer.groups:
        for asset in group.assets:
            yield _other(asset, group, told.get(asset))


def _other(asset: str, group: Group, line: DoorLine | None) -> dict[str, Any]:
    return {
        "asset": asset,
        "kind": group.kind,
        "certainty": group.certainty.value,
        "stage": line.stage.value if line and line.stage else None,
        "rule": group.rule,
        "missing": group.missing,
        "first_at": _text(line.first_at) if line else None,
        "last_at": _text(line.last_at) if line else None,
        "entries": list(line.evidence) if line else [],
        "offered": line.offered if line else None,
        "times": line.times if line else 0,
        "files": list(line.files) if line else [],
        "refused": line.refused if line else 0,
        "note": line.note if line else "",
    }


def _text(moment: Instant | None) -> str | None:
    return None if moment is None else render_instant(moment)
