"""Files and members that are listed by their SHA-256 are found over the release."""

from __future__ import annotations

from kit.release_facts import code, view_of
from pratique.vet.content.known_bad import shipped_table
from pratique.vet.model import Context, Reach
from pratique.vet.release.rules.known_bad import KNOWN_BAD

LISTED, INCIDENT = next(iter(shipped_table().contents.items()))


def test_a_listed_member_is_told_with_its_incident_and_reach() -> None:
    view = view_of(
        {"pkg/__init__.py": code(), "pkg_init.pth": code()}, hashes={"pkg_init.pth": LISTED}
    )
    [placed] = KNOWN_BAD.run(view, None, Context())
    assert (placed.path, placed.sign.trait, placed.sign.shown) == (
        "pkg_init.pth",
        "content",
        INCIDENT,
    )
    assert placed.reach is Reach.STARTUP


def test_what_the_base_held_is_told_all_the_same() -> None:
    files = {"pkg/__init__.py": code()}
    view = view_of(files, hashes={"pkg/__init__.py": LISTED})
    assert len(list(KNOWN_BAD.run(view, view, Context()))) == 1


def test_others_are_not() -> None:
    assert list(KNOWN_BAD.run(view_of({"pkg/__init__.py": code()}), None, Context())) == []
