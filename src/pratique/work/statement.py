"""A delivery as a signed in-toto statement: which files, and how each came to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeGuard

from pratique import __version__
from pratique.custody.delivery import DeliveryShown, verify_statement
from pratique.ledger.errors import BundleError
from pratique.ledger.notes import Verifier
from pratique.values.counting import counted
from pratique.values.instants import Instant, render_instant
from pratique.work.model import Work
from pratique.work.origins import Origin

PREDICATE: Final = "urn:pratique:work-delivery/v1"
CLAIM: Final = (
    "Each file was made from the named submissions by the named steps, which the log recorded at the time."
    " What a step did that is not `observed` is what somebody said."
)


def delivery_predicate(
    *,
    project: str,
    dataset: str,
    version: int,
    root: str,
    origins: Sequence[Origin],
    work: Work,
    reason: str,
    log: dict[str, Any],
    made_at: Instant,
) -> dict[str, Any]:
    """What the statement says of its subjects, which are the files of the version."""
    names = sorted(
        {
            name
            for origin in origins
            for name in (*origin.submissions, *origin.transforms, *origin.reviews)
        }
    )
    return {
        "claim": CLAIM,
        "dataset": dataset,
        "files": [
            {
                "lacks": list(one.lacks),
                "made_from": list(one.submissions),
                "reviews": list(one.reviews),
                "sha256": one.sha256,
                "steps": list(one.transforms),
            }
            for one in origins
        ],
        "generator": f"pratique {__version__}",
        "log": log,
        "made_at": render_instant(made_at),
        "project": project,
        "reason": reason,
        "version": {"number": version, "root": root},
        "work": {name: _told(work, name) for name in names},
    }


def _told(work: Work, name: str) -> dict[str, Any]:
    told: dict[str, Any] = {"entry": work.recorded[name].entry}
    if name in work.submissions:
        submission = work.submissions[name]
        return told | {"by": submission.by, "lease": submission.lease, "sealed": submission.sealed}
    if name in work.transforms:
        step = work.transforms[name]
        return told | {
            "changed": step.changed,
            "found": dict(step.found),
            "kind": step.kind.value,
            "observed": step.observed,
            "parameters": dict(step.parameters),
            "records": {"in": step.records_in, "out": step.records_out},
            "tool": step.tool,
        }
    review = work.reviews[name]
    return told | {"by": review.by, "verdict": review.verdict.value}


def verify_work_delivery(data: bytes, *, verifier: Verifier | None = None) -> DeliveryShown:
    """Check such a statement; without a key, by the one that it names itself. Raises: BundleError."""
    shown = verify_statement(data, PREDICATE, verifier=verifier)
    said = shown.statement.predicate.get("files")
    files = [one.get("sha256") for one in said] if _are_objects(said) else None
    if files != [one.digest.get("sha256") for one in shown.statement.subject]:
        raise BundleError("the statement does not agree with itself")
    return shown


def _are_objects(said: object) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(said, list) and all(isinstance(one, dict) for one in said)


def work_delivery_words(shown: DeliveryShown) -> list[str]:
    """What a statement says, for a person. Raises: BundleError."""
    said = shown.statement.predicate
    try:
        files = said["files"]
        lacking = sum(bool(one["lacks"]) for one in files)
        rest = f"; something lacks of {lacking:,}: {said['reason']}" if lacking else ""
        version = said["version"]
        steps = counted(len(said["work"]), "recorded step")
        return [
            f"data    version {version['number']} of {said['dataset']}, root {version['root']}",
            f"work    {said['project']}: {counted(len(files), 'file')} by {steps}{rest}",
            f"log     {said['log']['origin']}, {said['log']['size']} entries",
            f"says    {said['claim']}",
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"the statement lacks {error}") from error
