"""Recorded views folded back into "which of them listed the file, and could it be installed".

A view is its base with its changes applied, and the base is any view recorded earlier, so views
form a tree per page. Only the lines of the files asked for are folded; a project with thousands of
files and views costs a few dictionary copies per view.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from pratique.exposure.facts import Listing, Recording, ViewKey, ViewLine
from pratique.exposure.question import Question
from pratique.policy.model import Outcome

State: TypeAlias = Mapping[str, ViewLine]
"""By file name: the line in force."""


def fold_views(listing: Listing) -> dict[ViewKey, State]:
    """What each explained view lists of the files that the listing is about.

    Shape: a view is absent when no complete recording leads to it from nothing; its content is
    then unknown, which is not the same as empty.
    """
    changes: dict[int, list[ViewLine]] = {}
    for line in listing.lines:
        changes.setdefault(line.recording, []).append(line)
    states: dict[ViewKey, State] = {}
    complete = [r for r in listing.recordings if r.complete_at is not None]
    # By the time a recording was complete, its base was: it was recorded earlier.
    for recording in sorted(complete, key=lambda r: (r.complete_at or 0, r.number)):
        if recording.key in states:
            continue
        base = _base_state(recording, states)
        if base is not None:
            states[recording.key] = _apply(base, changes.get(recording.number, []))
    return states


def _base_state(recording: Recording, states: Mapping[ViewKey, State]) -> State | None:
    if not recording.base:
        return {}
    return states.get(ViewKey(recording.key.page, recording.base))


def _apply(base: State, changes: list[ViewLine]) -> State:
    if not changes:
        return base
    state = dict(base)
    for line in changes:
        if line.outcome is None:
            state.pop(line.filename, None)
        else:
            state[line.filename] = line
    return state


def matching_offers(
    states: Mapping[ViewKey, State], question: Question, sha256s: frozenset[str]
) -> dict[ViewKey, bool]:
    """Views that list a file of the question: whether at least one of them could be installed.

    `hide` counts as installable, because an exact pin may download it; `hold` and `deny` do not.
    """
    offers: dict[ViewKey, bool] = {}
    for key, state in states.items():
        matching = [
            line
            for line in state.values()
            if line.sha256 in sha256s or question.names(key.page.project, line.version)
        ]
        if matching:
            offers[key] = any(line.outcome in {Outcome.ALLOW, Outcome.HIDE} for line in matching)
    return offers
