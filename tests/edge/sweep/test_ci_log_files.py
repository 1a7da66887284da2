"""Log files of every sort: whose run, which job, when, and what they do not tell."""
# ruff: noqa: E501 - sample lines stand as the tools print them

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.edge.sweep.ci_logs import NAMED_FILES, CiLogReader
from pratique.edge.sweep.context import SweepContext
from pratique.inventory.observed.model import AssetKind, Look, LookMode, PlaceKind, Stage

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WALK = CiLogReader()


def context(**more: object) -> SweepContext:
    base: dict[str, object] = {
        "asset": "laptop", "asset_kind": AssetKind.LAPTOP, "machine": "", "now": lambda: NOW,
    }  # fmt: skip
    return SweepContext(**{**base, **more})  # type: ignore[arg-type] # options by name


def read(path: Path, **more: object) -> list[Look]:
    return list(NAMED_FILES.read(path, context(**more)))


def one(path: Path, **more: object) -> Look:
    [look] = read(path, **more)
    return look


def github(*lines: str, second: int = 12) -> str:
    body = "\n".join(
        f"2026-03-24T10:45:{second + n:02d}.1234567Z {line}" for n, line in enumerate(lines)
    )
    return "\ufeff" + body + "\n"


WHOLE = (
    "Current runner version: '2.333.0'",
    "##[group]GITHUB_TOKEN Permissions",
    "##[endgroup]",
    "Uses: acme/api/.github/workflows/build.yml@refs/heads/main (SHA)",
    "Complete job name: build",
    "##[group]Run pip install -r requirements.txt",
    "\x1b[36;1mpip install -r requirements.txt\x1b[0m",
    "shell: /usr/bin/bash -e {0}",
    "env:",
    "  OPENAI_API_KEY: ***",
    "  MODE: test",
    "##[endgroup]",
    "Collecting litellm==1.82.8 (from -r requirements.txt (line 1))",
    "  Downloading litellm-1.82.8-py3-none-any.whl (9.1 MB)",
    "Successfully installed idna-3.7 litellm-1.82.8",
    "Cleaning up orphan processes",
)


def archive(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in members.items():
            made.writestr(name, text)
    return path


def installed(look: Look) -> set[tuple[str, str]]:
    return {(s.item.name, s.item.version) for s in look.sightings if s.stage is Stage.INSTALLED}


# ── whose, when ──────────────────────────────────────────────────────────────────────────────────


def test_a_runs_archive_is_one_look_per_job(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "logs_4711.zip",
        {
            "0_build.txt": github(*WHOLE),
            "build/1_Set up job.txt": github(*WHOLE[:3]),
            "build/6_Install.txt": github(*WHOLE[12:15]),
            "lint/2_Install.txt": github(" + idna==3.8"),
            "lint/1_Set up job.txt": github("Uses: acme/api/.github/workflows/l.yml@main"),
        },
    )
    assert WALK.claims(path, is_dir=False)
    build, lint = read(path)
    assert build.asset == lint.asset
    assert build.asset.startswith("ci/github/acme/api/log-")
    assert (build.asset_kind, build.place_kind) == (AssetKind.CI_RUN, PlaceKind.CI_LOG)
    assert (build.locator, lint.locator) == ("build", "lint")
    assert build.lineage == "ci/github/acme/api/build"
    assert installed(build) == {("idna", "3.7"), ("litellm", "1.82.8")}
    assert installed(lint) == {("idna", "3.8")}
    assert build.whole
    assert build.gaps == ()
    assert build.mode is LookMode.EVENT
    assert build.ended
    assert build.at_lo == datetime(2026, 3, 24, 10, 45, 12, 123456, tzinfo=UTC)
    assert build.at_hi == datetime(2026, 3, 24, 10, 45, 27, 123456, tzinfo=UTC)
    assert {i.name for i in build.identities} == {"OPENAI_API_KEY", "GITHUB_TOKEN"}


def test_two_runs_with_the_same_packages_have_the_same_content(tmp_path: Path) -> None:
    a = archive(tmp_path / "logs_1.zip", {"0_build.txt": github(*WHOLE)})
    b = archive(tmp_path / "logs_2.zip", {"0_build.txt": github("first", *WHOLE, second=20)})
    assert one(a).sightings == one(b).sightings
    assert one(a).lineage == one(b).lineage
    assert one(a).asset != one(b).asset


def test_the_runs_record_beside_the_archive_names_it(tmp_path: Path) -> None:
    path = archive(tmp_path / "r.zip", {"0_build.txt": github(*WHOLE)})
    record = {
        "id": 88123,
        "repository": {"full_name": "Acme/API"},
        "run_started_at": "2026-03-24T10:00:00Z",
    }
    (tmp_path / "r.json").write_text(json.dumps(record))
    assert one(path).asset == "ci/github/acme/api/88123"
    (tmp_path / "r.json").write_text(
        json.dumps({"databaseId": 5, "url": "https://github.example/acme/api/actions/runs/5"})
    )
    assert one(path).asset == "ci/github/acme/api/5"
    (tmp_path / "r.json").write_text("[1")
    assert one(path).asset.startswith("ci/github/acme/api/log-")


def test_a_named_asset_is_the_asset(tmp_path: Path) -> None:
    path = archive(tmp_path / "logs_1.zip", {"0_build.txt": github(*WHOLE)})
    look = one(path, asset="ci/github/acme/api/9", asset_given=True)
    assert (look.asset, look.asset_kind) == ("ci/github/acme/api/9", AssetKind.CI_RUN)


def test_the_output_of_gh_run_view_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_text("".join(f"build\tSet up\t{line}\n" for line in github(*WHOLE).splitlines()))
    look = one(path)
    assert look.asset.startswith("ci/github/acme/api/")
    assert look.whole
    assert ("litellm", "1.82.8") in installed(look)


GITLAB = """\
\x1b[0KRunning with gitlab-runner 18.1.0 (abc)\x1b[0;m
section_start:1774349112:prepare_executor\r\x1b[0K\x1b[0KUsing Docker executor with image python:3.12 ...\x1b[0;m
\x1b[0KUsing docker image sha256:{d} for python:3.12 with digest python@sha256:{d} ...\x1b[0;m
Initialized empty Git repository in /builds/acme/team/api/.git/
section_end:1774349115:prepare_executor\r\x1b[0K
section_start:1774349116:step_script\r\x1b[0K$ pip install litellm
  Downloading litellm-1.82.8-py3-none-any.whl (9.1 MB)\r   ━━━━ 1/9 MB\r   ━━━━ 9/9 MB
Successfully installed litellm-1.82.8
section_end:1774349160:step_script\r\x1b[0K
\x1b[32;1mJob succeeded\x1b[0;m
""".replace("{d}", "ab" * 32)


def test_a_gitlab_trace_is_read_with_its_sections_times(tmp_path: Path) -> None:
    path = tmp_path / "trace.log"
    path.write_text(GITLAB)
    assert WALK.claims(path, is_dir=False)
    look = one(path)
    assert look.asset.startswith("ci/gitlab/acme/team/api/log-")
    assert look.whole, look.gaps
    assert installed(look) == {("litellm", "1.82.8")}
    assert look.at_lo == datetime.fromtimestamp(1774349112, tz=UTC)
    assert look.at_hi == datetime.fromtimestamp(1774349160, tz=UTC)
    [image] = [s for s in look.sightings if s.item.type == "docker"]
    assert image.item.digest == "sha256:" + "ab" * 32


def test_local_times_are_bounds_of_a_day_and_said(tmp_path: Path) -> None:
    path = tmp_path / "b.log"
    path.write_text("2026-03-24 10:45:12,123 Successfully installed litellm-1.82.8\n")
    look = one(path)
    assert look.mode is LookMode.SAMPLED
    assert look.at_lo == datetime(2026, 3, 23, 20, 45, 12, 123000, tzinfo=UTC)
    assert look.at_hi == datetime(2026, 3, 24, 22, 45, 12, 123000, tzinfo=UTC)
    assert "no zone" in look.gaps[0].why


def test_no_times_at_all_leave_the_files_own_as_the_latest(tmp_path: Path) -> None:
    path = tmp_path / "b.log"
    path.write_text("Successfully installed litellm-1.82.8\n")
    os.utime(path, (1774349112, 1774349112))
    look = one(path)
    assert look.at_hi == datetime.fromtimestamp(1774349112, tz=UTC)
    assert look.at_lo.year == 2000
    assert "no times" in look.gaps[0].why
    assert look.asset.startswith("ci/log/")


def test_a_log_on_this_machine_dates_each_item(tmp_path: Path) -> None:
    folder = tmp_path / "_logs"
    folder.mkdir()
    path = folder / "2026-03-31T01_00_00_000Z-debug-0.log"
    path.write_text(
        "0 verbose cli\n1 npm http fetch GET 200 https://r.example/axios/-/axios-1.14.1.tgz 9ms\n"
    )
    assert WALK.claims(path, is_dir=False)
    [look] = WALK.read(path, context())
    assert (look.asset, look.asset_kind, look.lineage) == ("laptop", AssetKind.LAPTOP, "")
    [sighting] = look.sightings
    assert (sighting.item.version, sighting.at) == ("1.14.1", "line 2")


# ── unknown is never clean (research/incident.md §4) ─────────────────────────────────────────────

UNKNOWN = {
    "empty": ("", "empty"),
    "blank": (" \n\n  \n", "empty"),
    "expired by the API": ('{"message":"Not Found","documentation_url":"https://d.example","status":"404"}', "refused"),
    "gone": ('{"message": "Server Error", "status": "410"}', "refused"),
    "forbidden": ("HTTP 403: Must have admin rights to Repository.\n", "refused"),
    "an HTML page": ("<!DOCTYPE html><html><head><title>404</title></head></html>", "refused"),
    "storage says no": ("<?xml version='1.0'?><Error><Code>AuthenticationFailed</Code></Error>", "refused"),
    "expired": ("The logs for this run have expired and are no longer available.\n", "expired"),
    "gh says so": ("failed to get run log: log not found\n", "expired"),
    "limit": (GITLAB + "Job's log exceeded limit of 4194304 bytes.\n", "limit"),
    "limit 2": ("The log length has exceeded the limit of 4 MB\n", "limit"),
    "truncated": (github("Successfully installed idna-3.7", "... output truncated ..."), "missing"),
    "no end": (github(*WHOLE[:-1]), "end is missing"),
    "gitlab without end": (GITLAB.replace("Job succeeded", ""), "end is missing"),
    "no log": ("Dear all,\nplease find the minutes attached.\n", "nothing in it looks like"),
    "zeros": ("\0" * 5000, "empty"),
    "holes": (github(*WHOLE) + "\0" * 512 + "\n", "zero bytes"),
    "binary": ("\x7fELF\x02\x01\x01" + "\x01\x02\x03\x04" * 400, "no text"),
    "quiet pip": (github("##[group]Run pip install -q x", "pip install -q x", "shell: bash", "##[endgroup]"), "nothing after 'pip install -q x'"),
    "quiet uv": ("$ uv sync --quiet\n$ pytest\n", "nothing after 'uv sync --quiet'"),
    "python -m pip": ("$ python3 -m pip install --quiet x\n", "nothing after"),
    "set -x": ("+ poetry install --quiet\n", "nothing after"),
    "chained": ("$ cd api && npm ci --silent\n", "nothing after 'npm ci --silent'"),
    "uvx": ("$ uvx ruff check\nInstalled 2 packages in 4ms\n", "uv installed 2 packages and named 0"),
    "npm names none": ("$ npm ci\nadded 57 packages, and audited 58 packages in 3s\n", "npm installed 57 packages and named 0"),
    "npm up to date": ("$ npm i\nup to date, audited 58 packages in 1s\n", "npm found 58 packages"),
    "pnpm": ("$ pnpm install\nPackages: +57\n", "pnpm installed 57"),
    "yarn 1": ("$ yarn install\n[3/4] Linking dependencies...\nDone in 3.2s.\n", "yarn 1 does not name"),
    "yarn": ("$ yarn\n➤ YN0000: · Done in 3s\n", "yarn names only"),
    "bun": ("$ bun install\n57 packages installed [1.2s]\n", "bun installed 57"),
    "docker cache": ("#8 [3/4] RUN pip install -r requirements.txt\n#8 CACHED\n", "nothing after"),
    "poetry synced": ("$ poetry install\nNo dependencies to install or update\n", "did not name it"),
    "already there": ("Requirement already satisfied: litellm in /usr/lib\n", "does not name"),
    "audited": ("$ uv sync\nAudited 12 packages in 1ms\n", "uv found 12 packages"),
    "odd word": ("Successfully installed litellm\n", "cannot tell name from version"),
}  # fmt: skip


SMALL = {
    "empty", "blank", "zeros", "expired by the API", "gone", "forbidden", "an HTML page",
    "storage says no", "no log", "binary",
}  # fmt: skip
"""What only a log as a whole can be."""


@pytest.mark.parametrize(("text", "why"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_a_log_does_not_tell_is_unknown(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "x.log"
    path.write_text(text)
    look = one(path)
    assert not look.whole
    assert why in " | ".join(gap.why for gap in look.gaps)


@pytest.mark.parametrize("name", [n for n in UNKNOWN if n not in SMALL])
def test_it_is_unknown_in_the_middle_of_a_long_log_too(tmp_path: Path, name: str) -> None:
    text, why = UNKNOWN[name]
    filler = "2026-03-24T10:45:12.1234567Z ok\n" * 400
    path = tmp_path / "x.log"
    path.write_text(filler + text.replace("\ufeff", "") + filler)
    look = one(path)
    assert not look.whole
    assert why in " | ".join(gap.why for gap in look.gaps)


TOLD = {
    "uv": "$ uv sync\nResolved 2 packages in 1ms\nInstalled 2 packages in 4ms\n + a==1.0\n + b==2.0\nAudited 2 packages in 1ms\n",
    "pip": "$ pip install a\nRequirement already satisfied: b in /x (2.0)\nCollecting a\nSuccessfully installed a-1.0\n",
    "pip, nothing to do": "$ pip install a\nRequirement already satisfied: a in /x (1.0)\n",
    "poetry": "$ poetry install\nPackage operations: 1 install, 1 update, 1 removal\n  - Installing a (1.0)\n  - Updating b (1.0 -> 2.0)\n  - Removing c (1.0)\n",
    "npm, verbose": "$ npm ci\nnpm http fetch GET 200 https://r.example/axios/-/axios-1.14.1.tgz 9ms\nadded 1 package, and audited 2 packages in 3s\n",
    "no installer": "$ make\ncc -o a a.c\n",
    "echo": "$ echo pip install x\n",
    "two scripts": "$ pip install a\nSuccessfully installed a-1.0\n$ pip install b\nSuccessfully installed b-1.0\n",
}  # fmt: skip


@pytest.mark.parametrize("text", TOLD.values(), ids=TOLD)
def test_what_a_log_tells_whole_is_whole(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.log"
    path.write_text("".join(f"2026-03-24T10:45:12.1234567Z {line}\n" for line in text.splitlines()))
    look = one(path)
    assert look.whole, look.gaps


def test_three_commands_of_one_script_of_which_one_is_silent(tmp_path: Path) -> None:
    lines = ("##[group]Run pip install a", "pip install a", "pip install -q b", "pip install c",
             "shell: bash", "##[endgroup]", "Successfully installed a-1.0",
             "Successfully installed c-1.0")  # fmt: skip
    (tmp_path / "x.log").write_text(github(*lines))
    assert not one(tmp_path / "x.log").whole


def test_1_82_70_is_not_1_82_7(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text(github("Successfully installed litellm-1.82.70"))
    assert installed(one(tmp_path / "x.log")) == {("litellm", "1.82.70")}


def test_all_mentions_count_not_only_the_first(tmp_path: Path) -> None:
    lines = [f" + litellm==1.82.{n}" for n in range(6, 9)]
    (tmp_path / "x.log").write_text(github(*lines))
    assert len(installed(one(tmp_path / "x.log"))) == 3


LOOSE = ("Collecting litellm>=1.80", "  Downloading litellm-1.82.6-py3-none-any.whl (9.1 MB)",
         "Successfully installed litellm-1.82.6")  # fmt: skip


def unpinned(look: Look) -> list[str]:
    return [s.range for s in look.sightings if not s.item.version]


def test_a_requirement_of_which_the_log_says_what_came_admits_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text(github(*LOOSE))
    look = one(tmp_path / "x.log")
    assert look.whole
    assert unpinned(look) == []
    assert installed(look) == {("litellm", "1.82.6")}


def test_a_requirement_asked_again_of_which_nothing_came_stays(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text(github(*LOOSE, "Collecting litellm>=1.80"))
    assert unpinned(one(tmp_path / "x.log")) == [">=1.80"]


def test_a_requirement_in_a_log_that_was_cut_off_stays(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text(github("Current runner version: '2.333.0'", *LOOSE))
    look = one(tmp_path / "x.log")
    assert not look.whole
    assert unpinned(look) == [">=1.80"]


# ── wrong input ──────────────────────────────────────────────────────────────────────────────────


@given(st.integers(0, 3000))
@settings(max_examples=40, deadline=None)
def test_a_truncated_archive_is_a_gap(cut: int) -> None:
    import tempfile  # noqa: PLC0415 - hypothesis wants no function-scoped fixtures

    with tempfile.TemporaryDirectory() as folder:
        path = archive(
            Path(folder) / "logs_1.zip", {"0_a.txt": github(*WHOLE), "1_b.txt": github(*WHOLE)}
        )
        content = path.read_bytes()
        path.write_bytes(content[: min(cut, len(content) - 1)])
        looks = read(path)
        assert looks
        assert not all(look.whole for look in looks)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_spoiled_archive_is_read_as_far_as_it_goes(data: st.DataObject) -> None:
    import tempfile  # noqa: PLC0415 - as above

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("0_a.txt", github(*WHOLE))
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "logs_1.zip"
        path.write_bytes(bytes(content))
        for look in read(path):
            assert look.whole == (not look.gaps) or "zone" in look.gaps[0].why


def test_an_archive_made_to_fill_disks_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "logs_1.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        with made.open("0_a.txt", "w") as member:
            for _ in range(100):
                member.write(b"\n" * (1 << 20))
        made.writestr("1_b.txt", github(*WHOLE))
    bomb, honest = read(path)
    assert "fill disks" in " ".join(g.why for g in bomb.gaps)
    assert honest.whole


def test_an_archive_without_logs_and_an_encrypted_one_are_gaps(tmp_path: Path) -> None:
    path = archive(tmp_path / "photos_log.zip", {"a.png": "x"})
    assert not WALK.claims(path, is_dir=False)
    assert "no log of a job" in one(path).gaps[0].why
    encrypted = archive(tmp_path / "logs_2.zip", {"0_a.txt": github(*WHOLE)})
    content = bytearray(encrypted.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    encrypted.write_bytes(bytes(content))
    assert "encrypted" in " ".join(g.why for g in one(encrypted).gaps)


def test_ten_sparse_gigabytes_take_no_time_and_are_not_clean(tmp_path: Path) -> None:
    path = tmp_path / "big.log"
    with path.open("wb") as file:
        file.write(github(*WHOLE).encode())
        file.seek(10 << 30)
        file.write(b"\n2026-03-24T10:50:00.0000000Z  + late==1.0\n")
    begun = time.monotonic()
    look = one(path)
    assert time.monotonic() - begun < 5
    assert {("litellm", "1.82.8"), ("late", "1.0")} <= installed(look)
    only_hole = tmp_path / "hole.log"
    with only_hole.open("wb") as file:
        file.truncate(10 << 30)
    look = one(only_hole)
    assert not look.whole
    assert time.monotonic() - begun < 10


def test_a_limit_on_bytes_is_said(tmp_path: Path) -> None:
    from pratique.edge.sweep.context import SweepLimits  # noqa: PLC0415 - this test alone

    path = tmp_path / "x.log"
    path.write_text("x" * (3 << 20))
    look = one(path, limits=SweepLimits(stream_bytes=1 << 20))
    assert "only the first" in " ".join(g.why for g in look.gaps)


def test_a_stop_is_a_gap_and_what_was_read_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text(github(*WHOLE) + "\n" * (5 << 20))
    asked = iter([False, True, True])
    look = one(path, stop=lambda: next(asked, True))
    assert "stopped" in " ".join(g.why for g in look.gaps)
    assert installed(look)


def test_utf_16_of_a_windows_shell(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(github(*WHOLE).replace("\ufeff", "").encode("utf-16"))
    assert ("litellm", "1.82.8") in installed(one(path))


def test_files_that_are_gone_or_special_are_gaps(tmp_path: Path) -> None:
    assert "gone" in one(tmp_path / "missing.log").gaps[0].why
    os.mkfifo(tmp_path / "pipe.log")
    assert "pipe" in one(tmp_path / "pipe.log").gaps[0].why
    assert not WALK.claims(tmp_path / "pipe.log", is_dir=False)


def test_pips_report_is_read_with_its_hashes(tmp_path: Path) -> None:
    digest = "d2a0d5f564628773b6af7b9c11f6b86531a875bd2d186d7081ab62748a800ebb"
    report = {
        "version": "1", "pip_version": "26.0",
        "install": [{
            "download_info": {
                "url": "https://files.example/x/litellm-1.82.8-py3-none-any.whl",
                "archive_info": {"hashes": {"sha256": digest}},
            },
            "requested": True,
            "metadata": {"name": "litellm", "version": "1.82.8"},
        }],
    }  # fmt: skip
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    assert WALK.claims(path, is_dir=False)
    [sighting] = one(path).sightings
    assert sighting.item.digest == f"sha256:{digest}"
    assert sighting.direct is True
    path.write_text('{"pip_version": "26.0", "install": 3}')
    assert not one(path).whole


def test_steps_of_a_job_whose_log_is_there_are_not_read_twice(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "0_build.txt").write_text(github(*WHOLE))
    step = tmp_path / "build" / "3_Install.txt"
    step.write_text(github(*WHOLE[12:]))
    assert WALK.claims(tmp_path / "0_build.txt", is_dir=False)
    assert not WALK.claims(step, is_dir=False)
    (tmp_path / "0_build.txt").unlink()
    assert WALK.claims(step, is_dir=False)


def test_a_walk_leaves_other_logs_alone(tmp_path: Path) -> None:
    for name, text in {"syslog.log": "Mar 24 10:45 host x\n", "notes.txt": "hello\n",
                       "app.log": "2026-03-24T10:45:12.123456Z INFO started\n"}.items():  # fmt: skip
        (tmp_path / name).write_text(text)
        assert not WALK.claims(tmp_path / name, is_dir=False)


def test_no_secret_of_a_log_reaches_a_look(tmp_path: Path) -> None:
    canary = "sk-canary-0123456789"
    lines = (f"export OPENAI_API_KEY={canary}", f"pip install a==1.0 --index-url https://u:{canary}@i.example/simple",
             f" + litellm==1.82.8 (from https://u:{canary}@i.example/l.whl)")  # fmt: skip
    (tmp_path / "x.log").write_text(
        github(*(f"$ {line}" if "pip" in line else line for line in lines))
    )
    assert canary not in repr(one(tmp_path / "x.log"))


def test_a_damaged_archive_that_is_called_like_logs_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "logs_88123.zip"
    path.write_bytes(b"PK\x03\x04 cut")
    assert WALK.claims(path, is_dir=False)
    [look] = WALK.read(path, context())
    assert not look.whole
    other = tmp_path / "catalog.zip"
    other.write_bytes(b"PK\x03\x04 cut")
    assert not WALK.claims(other, is_dir=False)


def test_an_archive_of_a_run_is_known_by_what_only_a_runner_writes(tmp_path: Path) -> None:
    for name, member, known in (
        ("88123.zip", "build/1_Set up job.txt", True),
        ("88124.zip", "1_readme.txt", False),
        ("logs_1.zip", "1_build.txt", True),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, "x")
        assert WALK.claims(tmp_path / name, is_dir=False) is known


RECORD = {
    "databaseId": 88123,
    "url": "https://github.example/acme/api/actions/runs/88123",
    "startedAt": "2026-03-24T10:45:00Z",
    "updatedAt": "2026-03-24T10:50:00Z",
    "jobs": [
        {"name": "build / linux (3.11)", "conclusion": "success"},
        {"name": "deploy", "conclusion": "failure"},
        {"name": "docs", "conclusion": "skipped"},
    ],
}


def test_a_job_that_the_record_names_and_no_log_tells_of_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "88123.json").write_text(json.dumps(RECORD))
    path = tmp_path / "88123.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0_build _ linux (3.11).txt", github(*WHOLE))
    first, missing = read(path)
    assert (missing.asset, missing.locator) == (first.asset, "deploy")
    assert not missing.whole
    assert missing.gaps[0].why == "the run's record names this job, and its log is not here"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("1_deploy.txt", github(*WHOLE))
    assert [look.locator for look in read(path)] == ["build _ linux (3.11)", "deploy"]


def test_a_log_of_a_whole_run_names_its_jobs(tmp_path: Path) -> None:
    (tmp_path / "88123.json").write_text(json.dumps(RECORD))
    path = tmp_path / "88123.log"
    lines = github(*WHOLE).removeprefix("\ufeff").splitlines()
    path.write_text("".join(f"build / linux (3.11)\tRun\t{line}\n" for line in lines))
    assert [look.locator for look in read(path)] == [str(path), "deploy"]
    both = [f"{job}\tRun\t{line}\n" for job in ("build / linux (3.11)", "deploy") for line in lines]
    path.write_text("".join(both))
    assert [look.locator for look in read(path)] == [str(path)]
