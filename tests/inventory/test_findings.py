"""Each rule finds what it is for, at its place, and nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kit.locks import (
    ALL,
    DEMO,
    FILES,
    INDEX,
    Pin,
    digest,
    path_of,
    pipfile_lock,
    poetry_lock,
    requirements,
    uv_lock,
)
from pratique.inventory.addresses import DoorAddress, file_front, parse_door, redact
from pratique.inventory.check import Material, Report, check, names_to_ask
from pratique.inventory.errors import LockError
from pratique.inventory.findings.rules import RULES, Finding, Severity
from pratique.inventory.launches import read_launches
from pratique.inventory.locks import read_lock
from pratique.inventory.offers import Answer, NoSuchProject, Offer, OfferedFile, Unanswered
from pratique.policy.model import Outcome
from pratique.values.digests import Sha256
from pratique.values.names import ProjectName

DOOR = DoorAddress(base="http://127.0.0.1:8420/pypi")


def examine(
    files: Mapping[str, str],
    *,
    door: DoorAddress | None = DOOR,
    answers: Mapping[str, Answer] | None = None,
) -> Report:
    material = Material(
        documents=tuple(read_lock(path, text.encode()) for path, text in files.items()),
        launches={},
    )
    asked = None if answers is None else {ProjectName(n): a for n, a in answers.items()}
    return check(material, door=door, answers=asked)


def rules(report: Report) -> list[str]:
    return [finding.rule.id for finding in report.findings]


def only(report: Report, rule: str) -> Finding:
    [finding] = [f for f in report.findings if f.rule.id == rule]
    return finding


# ── addresses ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "given",
    [
        "http://127.0.0.1:8420/pypi",
        "http://127.0.0.1:8420/pypi/",
        "http://127.0.0.1:8420/pypi/simple",
        "http://__token__:secret@127.0.0.1:8420/pypi/simple/",
    ],
)
def test_a_door_has_one_address(given: str) -> None:
    assert parse_door(given) == DOOR


@pytest.mark.parametrize("given", ["", "pypi", "ftp://x/pypi", "http:///pypi", "http://x:y/"])
def test_what_is_no_door(given: str) -> None:
    assert parse_door(given) is None


@pytest.mark.parametrize(
    ("url", "served"),
    [
        ("http://127.0.0.1:8420/pypi/simple", True),
        ("http://127.0.0.1:8420/pypi/packages/a/b.whl", True),
        ("http://user:pw@127.0.0.1:8420/pypi/simple/", True),
        ("HTTP://127.0.0.1:8420/pypi/simple/", True),
        ("http://127.0.0.1:8420/other/simple/", False),
        ("http://127.0.0.1:8420/pypi-evil/simple/", False),
        ("http://127.0.0.1:8420/pypi/../other/simple/", False),
        ("http://127.0.0.1:8420/pypi/%2E%2E/other/simple/", False),
        ("https://127.0.0.1:8420/pypi/simple/", False),
        ("http://127.0.0.1:8421/pypi/simple/", False),
        ("http://127.0.0.1:8420@evil.example/pypi/simple/", False),
        ("http://127.0.0.1.evil.example:8420/pypi/simple/", False),
        ("not a url", False),
    ],
)
def test_what_leads_through_the_door(url: str, served: bool) -> None:
    assert DOOR.serves(url) is served


@pytest.mark.parametrize(
    ("url", "front"),
    [
        ("https://files.example/packages/aa/x.whl", "https://files.example/packages/"),
        ("https://files.example/whl/cpu/x.whl", "https://files.example/"),
        ("https://files.example", ""),
        ("../x.whl", ""),
    ],
)
def test_fronts(url: str, front: str) -> None:
    assert file_front(url) == front


def test_secrets_are_taken_out() -> None:
    shown = redact("see https://me:hunter2@x.example/a?token=hunter2&b=1 and git+ssh://hunter2@y/z")
    assert "hunter2" not in shown
    assert "b=1" in shown


# ── what bypasses the door ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_foreign_urls_are_counted_by_host(name: str) -> None:
    text = ALL[name]()
    report = examine({name: text})
    found = [f for f in report.findings if f.rule.id == "foreign-url"]
    assert [(f.subject, f.count) for f in found] == [(INDEX, 2), (FILES, 4)]
    lines = text.split("\n")
    for finding in found:
        place = finding.location
        assert lines[place.line - 1][place.column - 1 :].startswith(finding.subject)
    assert report.bad


def test_a_lock_of_the_door_is_clean() -> None:
    for name in ("uv.lock", "pylock.toml"):
        text = ALL[name](index=DOOR.simple, files=DOOR.packages)
        assert examine({name: text}).findings == ()


def test_one_foreign_file_among_many_is_found() -> None:
    text = uv_lock(index=DOOR.simple, files=DOOR.packages)
    mixed = text.replace(DOOR.packages, FILES, 1)
    finding = only(examine({"uv.lock": mixed}), "foreign-url")
    assert (finding.subject, finding.count) == (FILES, 1)


def test_foreign_indexes_of_configuration() -> None:
    text = f"--index-url {DOOR.simple}/\n--extra-index-url https://me:pw@two.example/simple\n"
    text += "--find-links https://links.example/\n-f ./wheels\n-i ${INDEX}\n"
    report = examine({"requirements.txt": text})
    assert [(f.location.line, f.severity) for f in report.findings] == [
        (2, Severity.ERROR),
        (3, Severity.ERROR),
        (5, Severity.WARNING),
    ]
    assert {f.rule.id for f in report.findings} == {"foreign-index"}
    assert "pw" not in str(report.findings[0].message)
    assert rules(examine({"Pipfile.lock": pipfile_lock()})) == ["foreign-index"]
    assert rules(examine({"Pipfile.lock": pipfile_lock(index=DOOR.simple)})) == []
    assert rules(examine({"poetry.lock": poetry_lock(index=INDEX)})) == ["foreign-url"]


def test_without_a_door_nothing_is_claimed_about_addresses() -> None:
    report = examine({"uv.lock": uv_lock()}, door=None)
    assert report.findings == ()
    assert len(report.not_checked) == 2
    assert not report.asked_door


# ── pins ─────────────────────────────────────────────────────────────────────────────────────


def test_pins() -> None:
    text = f"a==1.0\nb>=2\nc==1.0 --hash=md5:{'0' * 32}\nd==1.0 --hash=sha512:{'0' * 128}\n"
    text += f"e==1.0 --hash=sha256:{digest('e')}\n"
    report = examine({"requirements.txt": text})
    assert [(f.location.line, f.rule.id) for f in report.findings] == [
        (1, "unhashed"),
        (2, "unpinned"),
        (3, "weak-hash"),
    ]


def test_a_constraints_file_pins_for_others_and_is_not_blamed() -> None:
    report = examine({"requirements.txt": "-c constraints.txt\na\nb\n"}, door=None)
    assert rules(report) == ["unpinned", "unpinned"]
    documents = (
        read_lock("requirements.txt", b"-c constraints.txt\na\nb\n"),
        read_lock("constraints.txt", b"a==1.0\nc>=1\n"),
    )
    from dataclasses import replace  # noqa: PLC0415 - as the loader marks it

    constrained = check(
        Material(documents=(documents[0], replace(documents[1], constraints=True)), launches={}),
        door=None,
        answers=None,
    )
    assert [(f.rule.id, f.subject) for f in constrained.findings] == [
        ("unhashed", "a"),
        ("unpinned", "b"),
    ]


def test_a_lock_without_hashes() -> None:
    text = uv_lock(index=DOOR.simple, files=DOOR.packages)
    bare = text.replace(f', hash = "sha256:{digest(DEMO[0].filenames[1])}"', "")
    finding = only(examine({"uv.lock": bare}), "unhashed")
    assert "1 of its 2 files have no hash" in finding.message


def test_sources() -> None:
    sha = digest("x")
    text = (
        f"a @ https://files.example/a-1.tar.gz#sha256={sha}\n"
        "b @ https://files.example/b-1.tar.gz\n"
        f"c @ git+https://code.example/c@{'a' * 40}\nd @ git+https://code.example/d@main\n"
        "-e .\n-e ./sub\n"
        f"e @ {DOOR.packages}e-1.tar.gz#sha256={sha}\n"
    )
    report = examine({"requirements.txt": text})
    assert [(f.location.line, f.rule.id, f.severity.value) for f in report.findings] == [
        (1, "direct-url", "warning"),
        (2, "direct-url", "error"),
        (3, "vcs", "note"),
        (4, "vcs", "error"),
        (6, "local-path", "note"),
    ]


# ── duplicates ───────────────────────────────────────────────────────────────────────────────

OTHER = (Pin(name="demo", version="1.0"), Pin(name="unrelated", version="9"))


def test_stale_duplicates_are_found_beside_the_leading_lock() -> None:
    files = {
        "app/uv.lock": uv_lock(index=DOOR.simple, files=DOOR.packages),
        "app/requirements.lock": requirements(OTHER),
        "app/requirements/prod.txt": requirements(OTHER),
        "other/requirements.txt": requirements(OTHER),
        "requirements.txt": requirements(OTHER),
    }
    report = examine(files)
    assert [(f.path, f.location.line, f.rule.id) for f in report.findings] == [
        ("app/requirements.lock", 2, "stale-duplicate"),
        ("app/requirements/prod.txt", 2, "stale-duplicate"),
    ]
    assert "uv.lock beside it pins 1.1" in report.findings[0].message


def test_the_same_version_spelled_otherwise_is_no_disagreement() -> None:
    files = {
        "poetry.lock": poetry_lock((Pin(name="demo", version="1.0"),)),
        "requirements.txt": requirements((Pin(name="Demo", version="1.0.0"),)),
    }
    assert rules(examine(files)) == []


def test_a_version_for_another_platform_is_no_disagreement() -> None:
    both = (Pin(name="demo", version="1.0"), Pin(name="demo", version="2.0"))
    files = {"poetry.lock": poetry_lock(both), "requirements.txt": requirements(both[1:])}
    assert rules(examine(files)) == []


# ── asking a door ────────────────────────────────────────────────────────────────────────────


def offer(pin: Pin, **changes: Any) -> Offer:
    """What a door offers of a pin; `changes` go to its wheel."""
    sdist, wheel = pin.filenames
    plain: dict[str, Any] = {"sha256": Sha256(pin.digest(wheel)), "filename": wheel}
    return Offer(
        files=(
            OfferedFile(filename=sdist, sha256=Sha256(pin.digest(sdist))),
            OfferedFile(**{**plain, **changes}),
        )
    )


LOCKS = {
    "uv.lock": uv_lock(DEMO[:1], index=DOOR.simple, files=DOOR.packages),
    "poetry.lock": poetry_lock(DEMO[:1]),
    "Pipfile.lock": pipfile_lock(DEMO[:1], index=DOOR.simple),
    "requirements.txt": requirements(DEMO[:1]),
}
each_lock = pytest.mark.parametrize("name", list(LOCKS))


@each_lock
def test_what_is_offered_is_clean(name: str) -> None:
    report = examine({name: LOCKS[name]}, answers={"demo": offer(DEMO[0])})
    assert report.findings == ()
    assert report.not_checked == ()
    assert report.asked_door
    assert not report.unknown


@each_lock
@pytest.mark.parametrize(
    ("outcome", "rule"),
    [(Outcome.HOLD, "held"), (Outcome.HIDE, "hidden"), (Outcome.DENY, "denied")],
)
def test_what_is_not_allowed_is_told_with_the_reason(
    name: str, outcome: Outcome, rule: str
) -> None:
    answer = offer(
        DEMO[0],
        outcome=outcome,
        rule="cool-down",
        reason="too young",
        until="2026-11-29",
        block="K7",
    )
    finding = only(examine({name: LOCKS[name]}, answers={"demo": answer}), rule)
    for part in ("demo 1.1", "cool-down", "too young", "2026-11-29", "K7", "1 file"):
        assert part in finding.message
    lines = LOCKS[name].split("\n")
    wheel = DEMO[0].filenames[1]
    assert (
        wheel in lines[finding.location.line - 1]
        or digest(wheel) in (lines[finding.location.line - 1])
    )


@each_lock
def test_other_content_under_the_same_name(name: str) -> None:
    report = examine({name: LOCKS[name]}, answers={"demo": offer(DEMO[0], sha256=Sha256("f" * 64))})
    by_name = name in {"uv.lock", "poetry.lock"}
    assert rules(report) == (["hash-mismatch"] if by_name else ["not-offered"])


def test_no_hash_of_the_lock_fits_the_door() -> None:
    evil = Offer(
        files=tuple(
            OfferedFile(filename=filename, sha256=Sha256(digest("evil" + filename)))
            for filename in DEMO[0].filenames
        )
    )
    for name in ("Pipfile.lock", "requirements.txt"):
        assert rules(examine({name: LOCKS[name]}, answers={"demo": evil})) == ["hash-mismatch"]


@each_lock
def test_what_the_door_does_not_list(name: str) -> None:
    for answer in (NoSuchProject(), Offer(files=()), offer(Pin(name="demo", version="1.0"))):
        report = examine({name: LOCKS[name]}, answers={"demo": answer})
        assert rules(report) == ["not-offered"]
        assert report.bad


def test_one_withdrawn_file_of_a_release() -> None:
    answer = Offer(files=offer(DEMO[0]).files[:1])
    for name, text in LOCKS.items():
        finding = only(examine({name: text}, answers={"demo": answer}), "not-offered")
        assert finding.location.line > 1


def test_an_unhashed_pin_meets_every_file_of_its_release() -> None:
    held = offer(DEMO[0], outcome=Outcome.HOLD, rule="cool-down")
    report = examine({"requirements.txt": "demo==1.1\n"}, answers={"demo": held})
    assert rules(report) == ["held", "unhashed"]


@each_lock
def test_no_answer_is_no_all_clear(name: str) -> None:
    report = examine({name: LOCKS[name]}, answers={"demo": Unanswered(reason="timed out")})
    assert report.findings == ()
    assert report.unknown
    assert "demo" in report.not_checked[0]
    assert "timed out" in report.not_checked[0]


def test_only_pins_from_an_index_are_asked_for() -> None:
    text = "a==1\nb>=1\nc @ https://files.example/c-1.tar.gz\n-e ./d\nA==1\n"
    assert names_to_ask([read_lock("requirements.txt", text.encode())]) == ("a",)


# ── the whole ────────────────────────────────────────────────────────────────────────────────


def test_launches_and_failures_are_part_of_the_report() -> None:
    material = Material(
        launches={
            "a.sh": read_launches(
                "a.sh", b"uvx tool --x\npip install -i https://i.example/s a==1\n"
            ),
            "b.sh": read_launches("b.sh", b"pip install -U pip\n"),
        },
        failures=(LockError("is not TOML", path="uv.lock", line=7),),
        skipped=("a folder",),
    )
    report = check(material, door=DOOR, answers=None)
    assert [(f.path, f.location.line, f.rule.id, f.severity.value) for f in report.findings] == [
        ("a.sh", 1, "unpinned-launch", "warning"),
        ("a.sh", 2, "foreign-index", "error"),
        ("b.sh", 1, "unpinned-launch", "note"),
        ("uv.lock", 7, "unreadable", "error"),
    ]
    assert report.findings[0].excerpt == "uvx tool …"
    assert "a folder" in report.not_checked
    assert report.unknown


def test_unreadable_alone_is_unknown_and_not_bad() -> None:
    material = Material(launches={}, failures=(LockError("x", path="uv.lock"),))
    report = check(material, door=None, answers=None)
    assert (report.bad, report.unknown) == (False, True)


def test_notes_alone_are_not_bad() -> None:
    assert not examine({"requirements.txt": "-e ./sub\n"}).bad


def test_rule_ids_are_unique_and_every_rule_says_what_to_do() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.title and rule.remedy for rule in RULES)


def test_file_paths_are_kept_by_the_door() -> None:
    # The fixture's paths are what the door's own model would keep: see PageFile.door_path.
    from pratique.index.model import PageFile  # noqa: PLC0415 - the contract between the two

    filename = DEMO[0].filenames[1]
    page_file = PageFile(
        filename=filename, url=FILES + path_of(filename), sha256=None, size=None, uploaded_at=None,
        requires_python="", yanked=False, yanked_reason="", core_metadata=False,
        core_metadata_sha256=None, provenance_url="", raw=b"{}",
    )  # fmt: skip
    assert DOOR.packages + page_file.door_path == DOOR.packages + path_of(filename)
    for url in ("https://f.example/packages/a/b.whl", "https://f.example/whl/b.whl"):
        kept = PageFile(
            filename="b.whl", url=url, sha256=None, size=None, uploaded_at=None,
            requires_python="", yanked=False, yanked_reason="", core_metadata=False,
            core_metadata_sha256=None, provenance_url="", raw=b"{}",
        ).door_path  # fmt: skip
        assert file_front(url) + kept == url


def test_every_rule_is_documented_with_its_severity_and_remedy() -> None:

    page = (Path(__file__).parents[2] / "docs/reference/lock-findings.md").read_text("utf-8")
    for rule in RULES:
        assert f"### `{rule.id}`\n\n*{rule.severity.value}.* {rule.title}." in page, rule.id
        assert f"**To do:** {rule.remedy}." in page, rule.id
    assert page.count("\n### `") == len(RULES)
