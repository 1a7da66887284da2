"""Lines as installers and runners print them: what each says, and what it must not be taken for."""
# ruff: noqa: E501 - sample lines stand as the tools print them

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.inventory.ci_logs.filtering import hyperscan_filter, re2_filter
from pratique.inventory.ci_logs.items import npm_tarball, pypi_file, pypi_pair
from pratique.inventory.ci_logs.reading import JobReader, JobReading
from pratique.inventory.observed.model import Stage

SHA = "0e58ed8671d6b60d0890c21b07f8835ace038e67"
DIGEST = "sha256:" + "ab" * 32


def read(text: str | bytes, *, chunk: int = 1 << 16) -> JobReading:
    reader = JobReader("job.log")
    data = text if isinstance(text, bytes) else text.encode()
    for at in range(0, len(data), chunk):
        reader.feed(data[at : at + chunk])
    return reader.finish()


def said(text: str) -> set[tuple[str, str, str, str]]:
    return {
        (s.mention.item.type, s.mention.item.name, s.mention.item.version, s.mention.stage.word)
        for s in read(text).seen
    }


PYTHON = [
    ("Collecting litellm==1.82.8", "litellm", "1.82.8", "listed"),
    ("Collecting litellm==1.82.8 (from -r requirements.txt (line 3))", "litellm", "1.82.8", "listed"),
    ("Collecting litellm[proxy]==1.82.70", "litellm", "1.82.70", "listed"),
    ("Collecting litellm>=1.80 (from agent)", "litellm", "", "listed"),
    ("Collecting Typing_Extensions", "typing-extensions", "", "listed"),
    ("  Downloading litellm-1.82.8-py3-none-any.whl (9.1 MB)", "litellm", "1.82.8", "fetched"),
    ("  Downloading litellm-1.82.8-py3-none-any.whl.metadata (40 kB)", "litellm", "1.82.8", "listed"),
    ("  Using cached litellm-1.82.7.tar.gz (8.0 MB)", "litellm", "1.82.7", "fetched"),
    ("  Downloading https://files.example/ab/litellm-1.82.8-py3-none-any.whl (9 MB)", "litellm", "1.82.8", "fetched"),
    ("Saved ./dist/litellm-1.82.8-py3-none-any.whl", "litellm", "1.82.8", "fetched"),
    ("Processing /wheels/litellm-1.82.8-py3-none-any.whl", "litellm", "1.82.8", "fetched"),
    ("Requirement already satisfied: litellm==1.82.8 in ./.venv/lib (from -r r.txt (line 1)) (1.82.8)", "litellm", "1.82.8", "installed"),
    ("Found existing installation: litellm 1.82.6", "litellm", "1.82.6", "installed"),
    ("      Successfully uninstalled python-dateutil-2.8.2", "python-dateutil", "2.8.2", "installed"),
    ("Would install litellm-1.82.8", "litellm", "1.82.8", "listed"),
    (" + litellm==1.82.8", "litellm", "1.82.8", "installed"),
    (" ~ litellm==1.82.8 (from file:///src)", "litellm", "1.82.8", "installed"),
    (" - litellm==1.82.6", "litellm", "1.82.6", "installed"),
    ("Updated litellm v1.82.6 -> v1.82.8", "litellm", "1.82.8", "listed"),
    ("Added litellm v1.82.8", "litellm", "1.82.8", "listed"),
    ("  - Installing litellm (1.82.8)", "litellm", "1.82.8", "installed"),
    ("  • Installing litellm (1.82.8): Installing...", "litellm", "1.82.8", "installed"),
    ("  - Updating litellm (1.82.6 -> 1.82.8)", "litellm", "1.82.8", "installed"),
    ("  - Installing agent (0.1.0 4f2c1aa)", "agent", "0.1.0", "installed"),
    ("  - Installing litellm (1.82.8): Failed", "litellm", "1.82.8", "fetched"),
    ("  - Installing litellm (1.82.8): Skipped for the following reason: Already installed", "litellm", "1.82.8", "installed"),
    ("  ✔ Install litellm 1.82.8 successful", "litellm", "1.82.8", "installed"),
    ("  ✔ Update litellm 1.82.6 -> 1.82.8 successful", "litellm", "1.82.8", "installed"),
    ("  ✖ Install litellm 1.82.8 failed", "litellm", "1.82.8", "fetched"),
    ("pip install 'litellm[proxy]==1.82.8'", "litellm", "1.82.8", "listed"),
    ("litellm==1.82.8", "litellm", "1.82.8", "listed"),
    ("ERROR: No matching distribution found for litellm==1.82.8", "litellm", "1.82.8", "listed"),
    ("DEBUG Selecting: litellm==1.82.8 [compatible] (litellm-1.82.8-py3-none-any.whl)", "litellm", "1.82.8", "listed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "name", "version", "stage"), PYTHON, ids=[row[0] for row in PYTHON]
)
@pytest.mark.parametrize("prefix", ["", "2026-03-24T10:45:12.1234567Z ", "#12 3.456 ", "\x1b[32m"])
def test_python_lines(prefix: str, line: str, name: str, version: str, stage: str) -> None:
    assert ("pypi", name, version, stage) in said(prefix + line)


NODE = [
    ("npm http fetch GET 200 https://registry.example/axios/-/axios-1.14.1.tgz 123ms (cache miss)", "axios", "1.14.1", "fetched"),
    ("npm http fetch GET 304 https://registry.example/axios/-/axios-1.14.1.tgz 5ms", "axios", "1.14.1", "fetched"),
    ("npm http fetch GET 404 https://registry.example/axios/-/axios-1.14.1.tgz 5ms", "axios", "1.14.1", "listed"),
    ("npm http cache https://registry.example/axios/-/axios-1.14.1.tgz 0ms (cache hit)", "axios", "1.14.1", "fetched"),
    ("npm http cache axios@https://registry.example/axios/-/axios-1.14.1.tgz 0ms (cache hit)", "axios", "1.14.1", "fetched"),
    ("npm http fetch GET 200 https://r.example/@ctrl%2ftinycolor/-/tinycolor-4.1.1.tgz 9ms", "@ctrl/tinycolor", "4.1.1", "fetched"),
    ("npm http fetch GET 200 https://r.example/@ctrl/tinycolor/-/tinycolor-4.1.1.tgz 9ms", "@ctrl/tinycolor", "4.1.1", "fetched"),
    ('verbose 0.5 Performing "GET" request to "https://r.example/axios/-/axios-1.14.1.tgz".', "axios", "1.14.1", "fetched"),
    ("npm warn deprecated inflight@1.0.6: This module is not supported", "inflight", "1.0.6", "listed"),
    ("+ axios@1.14.1", "axios", "1.14.1", "installed"),
    ("+ axios 1.14.1 (1.15.0 is available)", "axios", "1.14.1", "installed"),
    ("├─┬ @scope/thing@2.0.0-rc.1", "@scope/thing", "2.0.0-rc.1", "installed"),
    ("│ └── follow-redirects@1.15.6 deduped", "follow-redirects", "1.15.6", "installed"),
    ("➤ YN0013: │ axios@npm:1.14.1 can't be found in the cache and will be fetched from the remote registry", "axios", "1.14.1", "fetched"),
    ("➤ YN0085: │ + axios@npm:1.14.1, plain-crypto-js@npm:4.2.1", "plain-crypto-js", "4.2.1", "installed"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "name", "version", "stage"), NODE, ids=[row[0] for row in NODE])
@pytest.mark.parametrize("prefix", ["", "2026-03-31T01:02:03.123456Z 01O "])
def test_node_lines(prefix: str, line: str, name: str, version: str, stage: str) -> None:
    assert ("npm", name, version, stage) in said(prefix + line)


def test_what_runners_fetch_is_named_by_commit_and_digest() -> None:
    log = f"""\
Download action repository 'tj-actions/changed-files@v45' (SHA:{SHA})
Download immutable action package 'actions/checkout@v4'
Version: 4.2.2
Digest: {DIGEST}
Source commit SHA: {SHA}
v45: Pulling from acme/tool
Digest: {DIGEST}
Status: Downloaded newer image for ghcr.io/acme/tool:v45
Status: Image is up to date for python:3.11-slim
#5 [1/4] FROM docker.io/library/python:3.11@{DIGEST}
"""
    found = {
        (s.mention.item.name, s.mention.item.version, s.mention.item.digest) for s in read(log).seen
    }
    assert found == {
        ("tj-actions/changed-files", "v45", f"sha1:{SHA}"),
        ("actions/checkout", "v4", f"sha1:{SHA}"),
        ("ghcr.io/acme/tool", "v45", DIGEST),
        ("python", "3.11-slim", ""),
        ("python", "3.11", DIGEST),
    }


def test_an_action_that_runs_was_executed() -> None:
    log = "2026-03-19T18:00:01.1234567Z ##[group]Run aquasecurity/trivy-action@0.34.0\n"
    assert said(log) == {("githubactions", "aquasecurity/trivy-action", "0.34.0", "executed")}


def test_every_word_that_pip_installed_counts() -> None:
    line = "Successfully installed MarkupSafe-3.0.2 litellm-1.82.8 torch-2.4.0+cpu x-y-2-1.0.post1"
    assert said(line) == {
        ("pypi", "markupsafe", "3.0.2", "installed"),
        ("pypi", "litellm", "1.82.8", "installed"),
        ("pypi", "torch", "2.4.0+cpu", "installed"),
        ("pypi", "x-y-2", "1.0.post1", "installed"),
    }


def test_a_list_of_a_thousand_on_one_line_is_read_whole() -> None:
    names = [f"package-number-{n}" for n in range(1000)]
    line = "Successfully installed " + " ".join(f"{name}-1.{n}.0" for n, name in enumerate(names))
    assert {s.mention.item.name for s in read(line).seen} == set(names)


def test_a_table_of_what_is_installed_ends_where_it_ends() -> None:
    log = "Package    Version\n---------- -------\nlitellm    1.82.8\nidna       3.7\n\nDone 5.0\n"
    assert said(log) == {
        ("pypi", "litellm", "1.82.8", "installed"),
        ("pypi", "idna", "3.7", "installed"),
    }


def test_what_uv_only_would_do_was_not_done() -> None:
    log = "Would install 1 package\n + litellm==1.82.8\nInstalled 1 package in 5ms\n + idna==3.7\n"
    assert said(log) == {
        ("pypi", "litellm", "1.82.8", "listed"),
        ("pypi", "idna", "3.7", "installed"),
    }


NOTHING = [
    "Installing collected packages: litellm, idna",
    "+ echo 1.82",
    "Building wheel for litellm (pyproject.toml): started",
    "see https://example/axios-1.14.1.tgz.sha512",
    "the date is 2026-03-24",
    "Installing build dependencies: finished with status 'done'",
]


@pytest.mark.parametrize("line", NOTHING)
def test_lines_that_name_no_release(line: str) -> None:
    assert said(line) == set()


@pytest.mark.parametrize(
    "version", ["1.82.70", "1.82.7.post1", "1.82.7rc1", "11.82.7", "1.82.7+local"]
)
def test_versions_are_whole_words(version: str) -> None:
    log = f"""\
Collecting litellm=={version}
  Downloading litellm-{version}-py3-none-any.whl (9 MB)
Successfully installed litellm-{version}
 + litellm=={version}
  - Installing litellm ({version})
pip install litellm=={version}
"""
    assert {row[2] for row in said(log)} == {version}


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(?:-[a-z0-9]{1,6}){0,2}", fullmatch=True)
VERSIONS = st.from_regex(
    r"[0-9]{1,3}(\.[0-9]{1,3}){1,3}((a|b|rc)[0-9])?(\.post[0-9])?", fullmatch=True
)


@given(NAMES, VERSIONS)
@settings(max_examples=60, deadline=None)
def test_any_release_is_read_back_from_every_tools_line(name: str, version: str) -> None:
    for line in (
        f" + {name}=={version}",
        f"Successfully installed {name}-{version}",
        f"  - Installing {name} ({version})",
        f"  ✔ Install {name} {version} successful",
        f"Found existing installation: {name} {version}",
    ):
        found = {(n, v) for _, n, v, stage in said(line) if stage == "installed"}
        assert found == {(name, version)}, line


@given(st.integers(1, 7), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=14, deadline=None)
def test_how_the_bytes_are_cut_makes_no_difference(chunk: int, end: str) -> None:
    log = end.join(row[0] for row in (*PYTHON, *NODE)).replace(
        "Successfully", "\x1b[1mSuccessfully"
    )
    assert read(log, chunk=chunk).seen == read(log).seen
    assert len(read(log).seen) > 40


@given(st.binary(max_size=4000))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_without_complaint(junk: bytes) -> None:
    reading = read(junk, chunk=97)
    assert reading.whole == (not reading.gaps)


@given(
    st.lists(st.sampled_from([row[0] for row in PYTHON + NODE] + NOTHING), max_size=12), st.data()
)
@settings(max_examples=60, deadline=None)
def test_lines_cut_anywhere_are_no_trouble_and_invent_no_version(
    lines: list[str], data: st.DataObject
) -> None:
    text = "\n".join(lines)
    cut = text[: data.draw(st.integers(0, len(text)))]
    whole = [seen.mention.item.version for seen in read(text).seen]
    for seen in read(cut).seen[:-3]:
        assert seen.mention.item.version in whole


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "Collecting " + "a" * 3000 + "(" * 1000,
        "npm http " * 450,
        "YN0000: " * 500,
        "Requirement already satisfied: a" + " (1" * 1200,
        "deprecated a@" * 300,
        "├─" * 2000,
        "[" * 4000,
        "FROM " + " AS" * 1300,
        "sudo " * 800 + "pip",
        "A=b " * 1000,
        "-" * 4000,
        "Successfully installed " + "1-" * 200_000,
        " " * 4000 + "x",
        "https://" * 500 + ".tgz",
    ],
    ids=lambda line: line[:24],
)
def test_hostile_lines_take_no_time(line: str) -> None:
    import time  # noqa: PLC0415 - this test alone looks at the clock

    begun = time.process_time()
    for _ in range(5):
        read(line)
    assert time.process_time() - begun < 2.0


def test_names_of_files_and_pairs() -> None:
    assert pypi_pair("1-" * 400) is None
    assert pypi_pair("-1.0") is None
    wheel = pypi_file("litellm-1.82.8-py3-none-any.whl")
    assert wheel is not None
    assert (wheel.name, wheel.version, wheel.filename) == (
        "litellm", "1.82.8", "litellm-1.82.8-py3-none-any.whl",
    )  # fmt: skip
    assert pypi_file("litellm.whl") is None
    assert npm_tarball("https://r.example/axios/-/other-1.0.0.tgz") is None
    assert re.fullmatch(r"\d.*", npm_tarball("https://r.example/a/-/a-1.0.0-rc.1.tgz").version)  # type: ignore[union-attr] # None fails the test


def test_an_installed_stage_is_the_highest_kept() -> None:
    stages = [
        s.mention.stage for s in read("Collecting a==1.0\nSuccessfully installed a-1.0\n").seen
    ]
    assert max(stages) is Stage.INSTALLED


# ── the filter before the grammar ────────────────────────────────────────────────────────────────

FILLER = "2026-03-24T10:45:12.1234567Z ok\n" * 400
"""More lines than are read in any case at the start of a log."""


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "2026-03-24T10:45:12.1234567Z ", "#12 3.456 ", "\x1b[32m"])
def test_the_filter_passes_every_line_that_the_grammar_knows(prefix: str) -> None:
    for line in [row[0] for row in PYTHON + NODE]:
        assert said(FILLER + prefix + line + "\n" + FILLER) == said(prefix + line), line


def test_the_filter_passes_what_runners_write() -> None:
    for line in (
        f"Download action repository 'a/b@v1' (SHA:{SHA})",
        "##[group]Run a/b@v1",
        f"Digest: {DIGEST}",
        "Status: Downloaded newer image for a/b:1",
        f"#5 [1/4] FROM docker.io/library/python:3.11@{DIGEST}",
        "#5 resolve docker.io/library/python:3.11 done",
        "Package    Version",
        "$ pip install -q x",
        "+ npm ci",
        "[3/4] Linking dependencies...",
        "Audited 12 packages in 1ms",
        "added 57 packages in 3s",
        "Packages: +57",
    ):
        for filled in (FILLER + line + "\n", FILLER + line):
            short = FILLER[: len(FILLER) // 400] + line
            assert [g.why for g in read(filled).gaps] == [g.why for g in read(short).gaps], line
            assert said(filled) == said(short), line


def test_both_engines_find_the_same() -> None:
    pytest.importorskip("hyperscan")
    pytest.importorskip("re2")
    text = (FILLER + "\n".join(row[0] for row in PYTHON + NODE)).encode()
    quick, other = hyperscan_filter()(text), re2_filter()(text)
    # RE2 goes on behind a match, hyperscan reports them all: the lines are the same.
    lines = [{text.count(b"\n", 0, end - 1) for end in ends} for ends in (quick, other)]
    assert lines[0] == lines[1]


def test_line_numbers_are_those_of_the_file() -> None:
    text = FILLER + " + a==1.0\n" + FILLER + "Collecting b==2.0\n"
    for chunk in (1 << 20, 4096, 33):
        assert [seen.line for seen in read(text, chunk=chunk).seen] == [401, 802]
