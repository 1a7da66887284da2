"""Site folders, `node_modules` and package databases on a real disk."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.edge.sweep.births import FileTimes, arrival, arrival_of, file_times
from pratique.edge.sweep.careful import UnreadableError, hash_file, read_head, read_whole
from pratique.edge.sweep.context import SweepContext
from pratique.edge.sweep.environments import READERS, PythonReader
from pratique.inventory.observed.model import AssetKind, Look, PlaceKind, Sighting, Stage
from pratique.values.instants import now_utc, parse_instant
from pratique.values.spans import to_micros


def context(**more: object) -> SweepContext:
    options: dict[str, object] = {"now": now_utc, **more}
    return SweepContext(asset="host-1", asset_kind=AssetKind.HOST, machine="m", **options)  # type: ignore[arg-type] # options by name


def look_at(path: Path, **more: object) -> Look:
    for reader in READERS:
        if reader.claims(path, is_dir=path.is_dir()):
            (look,) = reader.read(path, context(**more))
            return look
    pytest.fail("no reader claims it")


def by_name(look: Look) -> dict[str, Sighting]:
    return {one.item.name: one for one in look.sightings}


def record_line(path: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}\n"


Install = Callable[..., Path]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def install(site: Path) -> Install:
    def put(
        name: str, version: str, files: dict[str, bytes] | None = None, **inside: bytes
    ) -> Path:
        files = {f"{name}/__init__.py": b"", **(files or {})}
        for path, content in files.items():
            (site / path).parent.mkdir(parents=True, exist_ok=True)
            (site / path).write_bytes(content)
        folder = site / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        (folder / "INSTALLER").write_text("pip\n")
        for inner, content in inside.items():
            (folder / inner.replace("__", ".")).write_bytes(content)
        rows = "".join(record_line(path, content) for path, content in files.items())
        (folder / "RECORD").write_text(f"{rows}{folder.name}/RECORD,,\n")
        return folder

    return put


def test_a_distribution_came_when_its_record_was_born(site: Path, install: Install) -> None:
    before = now_utc()
    folder = install("litellm", "1.82.8")
    os.utime(folder / "RECORD", (10**9, 10**9))
    os.utime(folder / "METADATA", (10**9, 10**9))
    after = now_utc()
    look = look_at(site)
    assert (look.place_kind, look.locator, look.whole) == (PlaceKind.ENVIRONMENT, str(site), True)
    one = by_name(look)["litellm"]
    assert (one.item.type, one.item.version, one.stage) == ("pypi", "1.82.8", Stage.INSTALLED)
    if file_times(str(folder / "RECORD")).born is None:  # type: ignore[union-attr] # it is there
        pytest.skip("this file system remembers no births")
    slack = timedelta(milliseconds=20)  # the kernel's coarse clock
    assert (
        before - slack
        <= parse_instant(one.since_lo)
        <= parse_instant(one.since_hi)
        <= after + slack
    )


DAY = 86_400_000_000
NOW = to_micros(datetime(2026, 11, 22, tzinfo=UTC))


@given(
    st.one_of(st.none(), st.integers(-DAY, 2 * NOW)),
    st.integers(-DAY, 2 * NOW),
    st.integers(-DAY, 2 * NOW),
)
def test_arrivals_are_ordered_and_never_in_the_future(
    born: int | None, modified: int, changed: int
) -> None:
    came = arrival(FileTimes(born, modified, changed), NOW)
    bounds = [to_micros(parse_instant(text)) for text in came.since if text]
    assert bounds == sorted(bounds)
    assert all(bound <= NOW + 120_000_000 for bound in bounds)
    if came.since_lo:
        assert came.since_hi


def test_arrivals_without_birth_are_wide_and_say_so() -> None:
    came = arrival(FileTimes(None, NOW - 5 * DAY, NOW - DAY), NOW)
    assert came.since == ("2026-11-17T00:00:00Z", "2026-11-21T00:00:00Z")
    assert "not its birth" in came.note
    forged = arrival(FileTimes(None, NOW, NOW - DAY), NOW)
    assert forged.since == ("", "2026-11-21T00:00:00Z")
    assert "cannot be right" in arrival(FileTimes(None, NOW, NOW + 10 * DAY), NOW).note
    assert (
        arrival(FileTimes(NOW + 10 * DAY, NOW - DAY, NOW - DAY), NOW).since_hi
        == "2026-11-21T00:00:00Z"
    )


def test_a_file_that_is_not_there_has_no_times(tmp_path: Path) -> None:
    assert file_times(str(tmp_path / "none")) is None
    assert arrival_of(str(tmp_path / "none"), now_utc()).since == ("", "")


def test_changed_missing_and_unlisted_files_are_told(site: Path, install: Install) -> None:
    install("litellm", "1.82.6", {"litellm/proxy.py": b"honest", "litellm/gone.py": b"x"})
    (site / "litellm" / "proxy.py").write_bytes(b"changed")
    (site / "litellm" / "gone.py").unlink()
    (site / "litellm" / "extra.py").write_bytes(b"not listed")
    (site / "litellm" / "notes.txt").write_bytes(b"no code")
    (site / "litellm" / "__pycache__").mkdir()
    (site / "litellm" / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"")
    look = look_at(site)
    found = by_name(look)
    assert found["litellm"].note == (
        "installed by pip; RECORD hash differs: litellm/proxy.py; missing: litellm/gone.py"
    )
    assert found["extra.py"].item.digest == f"sha256:{hashlib.sha256(b'not listed').hexdigest()}"
    assert found["extra.py"].at == "litellm/extra.py"
    assert set(found) == {"litellm", "extra.py"}
    (quick,) = PythonReader(hashes=False).read(site, context())
    assert {one.item.name for one in quick.sightings} == {"litellm"}


def test_start_hooks_are_told_with_digest_and_owner(site: Path, install: Install) -> None:
    payload = b"import os, subprocess\n"
    install("litellm", "1.82.8", {"litellm_init.pth": payload})
    (site / "paths.pth").write_bytes(b"/opt/lib\n")
    (site / "sitecustomize.py").write_bytes(b"x = 1")
    (site / "new.start").write_bytes(b"mod:main")
    (site.parent / "usercustomize.py").write_bytes(b"y = 1")
    found = by_name(look_at(site))
    hook = found["litellm_init.pth"]
    assert hook.item.type == "generic"
    assert hook.item.digest == f"sha256:{hashlib.sha256(payload).hexdigest()}"
    assert hook.note == "runs whenever Python starts; RECORD of litellm lists it"
    assert hook.parents == ("litellm",)
    assert found["paths.pth"].note == "adds folders to the path, runs nothing; no RECORD lists it"
    assert "no RECORD lists it" in found["sitecustomize.py"].note
    assert "runs whenever" in found["new.start"].note
    assert found["usercustomize.py"].at == "../usercustomize.py"


def test_a_record_that_points_outside_is_not_followed(
    site: Path, install: Install, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"canary")
    folder = install("evil", "1")
    (site / "linked").symlink_to(tmp_path)
    with (folder / "RECORD").open("a") as record:
        record.write(record_line("../../../../secret", b"other"))
        record.write(record_line(str(secret), b"other"))
        record.write(record_line("linked/secret", b"other"))
        record.write(record_line("../../../bin/tool", b"script"))
    (site.parents[2] / "bin").mkdir()
    (site.parents[2] / "bin" / "tool").write_bytes(b"script")
    note = by_name(look_at(site))["evil"].note
    assert note == "installed by pip; RECORD lists 3 files outside of the environment"


def test_what_cannot_be_read_is_a_gap_and_the_rest_is_read(site: Path, install: Install) -> None:
    install("good", "1.0")
    bad = install("bad", "2.0", {"bad/pipe.py": b"x"})
    (bad / "METADATA").unlink()
    os.mkfifo(bad / "METADATA")
    (site / "bad" / "pipe.py").unlink()
    os.mkfifo(site / "bad" / "pipe.py")
    (site / "hook.pth").symlink_to("/etc/hostname")
    (site / "loop").symlink_to(site)
    (site / "file-1.0.dist-info").write_bytes(b"no folder")
    look = look_at(site)
    found = by_name(look)
    assert (found["good"].item.version, found["bad"].item.version) == ("1.0", "2.0")
    assert "from the folder's name" in found["bad"].note
    whys = {Path(gap.what).name: gap.why for gap in look.gaps}
    assert whys["METADATA"] == "is no regular file but a pipe"
    assert whys["pipe.py"] == "is no regular file but a pipe"
    assert "symbolic link" in whys["hook.pth"]
    assert not look.whole


def test_a_site_folder_that_is_none_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "site-packages"
    path.write_bytes(b"")
    (look,) = PythonReader().read(path, context())
    assert [gap.why for gap in look.gaps] == ["is no folder"]
    assert not look.whole


def test_unreadable_files_have_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as a user who can read everything, so the refusal is made."""

    def refuse(*_args: object) -> int:
        raise PermissionError(13, "no")

    monkeypatch.setattr("pratique.edge.sweep.careful.os.open", refuse)
    with pytest.raises(UnreadableError, match="may not be read by this user"):
        read_head(str(tmp_path), 10)


def test_careful_reading(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    assert read_head(str(path), 3) == b"123"
    assert read_whole(str(path), 5) == b"12345"
    with pytest.raises(UnreadableError, match="larger than 4 bytes"):
        read_whole(str(path), 4)
    with pytest.raises(UnreadableError, match="larger than 4 bytes"):
        hash_file(str(path), 4)
    for odd in ("/dev/zero", str(tmp_path), f"{path}/x", "a\0b"):
        with pytest.raises(UnreadableError):
            read_head(odd, 10)
    assert len(read_head("/proc/self/status", 10_000)) > 100, "a size of 0 may be a lie"


def test_origins_and_bundled_sboms(site: Path, install: Install) -> None:
    folder = install(
        "tool",
        "1",
        direct_url__json=json.dumps(
            {
                "url": "https://h.example/tool-1-py3-none-any.whl",
                "archive_info": {"hashes": {"sha256": "a" * 64}},
            }
        ).encode(),
        REQUESTED=b"",
    )
    (folder / "sboms").mkdir()
    (folder / "sboms" / "c.cdx.json").write_text(
        json.dumps(
            {
                "bomFormat": "CycloneDX",
                "specVersion": "1.6",
                "components": [{"type": "library", "name": "xz", "purl": "pkg:generic/xz@5.6.1"}],
            }
        )
    )
    found = by_name(look_at(site))
    assert found["tool"].item.digest == "sha256:" + "a" * 64
    assert found["tool"].direct is True
    assert (found["xz"].stage, found["xz"].parents) == (Stage.LISTED, ("tool",))
    assert found["xz"].at == "tool-1.dist-info/sboms/c.cdx.json"


def test_eggs_and_old_metadata(site: Path) -> None:
    (site / "old-1.0-py3.11.egg-info").write_text(
        "Metadata-Version: 1.1\nName: Old\nVersion: 1.0\n"
    )
    (site / "dir.egg-info").mkdir()
    (site / "dir.egg-info" / "PKG-INFO").write_text("Name: dir\nVersion: 2.0\n")
    (site / "egg-3.0-py3.11.egg" / "EGG-INFO").mkdir(parents=True)
    (site / "egg-3.0-py3.11.egg" / "EGG-INFO" / "PKG-INFO").write_text("Name: egg\nVersion: 3.0\n")
    (site / "zipped-4.0-py3.11.egg").write_bytes(b"PK")
    found = by_name(look_at(site))
    assert {name: one.item.version for name, one in found.items()} == {
        "old": "1.0", "dir": "2.0", "egg": "3.0", "zipped": "4.0",
    }  # fmt: skip


def test_a_target_folder_is_claimed_once(tmp_path: Path) -> None:
    for name in ("b-1.dist-info", "a-1.dist-info"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "METADATA").write_text(f"Name: {name[0]}\nVersion: 1\n")
    (tmp_path / "0-empty.dist-info").mkdir()
    reader = PythonReader()
    claimed = [one for one in sorted(tmp_path.iterdir()) if reader.claims(one, is_dir=True)]
    assert [one.name for one in claimed] == ["a-1.dist-info"]
    (look,) = reader.read(claimed[0], context())
    assert look.locator == str(tmp_path)


def test_stopping_says_so(site: Path, install: Install) -> None:
    install("a", "1")
    look = look_at(site, stop=lambda: True)
    assert not look.whole
    assert "stopped" in look.gaps[0].why


def test_an_empty_site_folder_says_nothing(site: Path) -> None:
    assert list(PythonReader().read(site, context())) == []


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_damaged_distributions_never_raise(metadata: bytes, record: bytes) -> None:
    import tempfile  # noqa: PLC0415 - hypothesis forbids the fixture

    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site-packages"
        dist = site / "x-1.dist-info"
        (dist / "sboms").mkdir(parents=True)
        for name, data in (("METADATA", metadata), ("RECORD", record), ("direct_url.json", record)):
            (dist / name).write_bytes(data)
        (dist / "sboms" / "s.json").write_bytes(metadata)
        (look,) = PythonReader().read(site, context())
        assert any(one.at == "x-1.dist-info" for one in look.sightings)


# uv.


@pytest.mark.clients
def test_uv_links_from_its_cache_and_the_dates_are_right_all_the_same(tmp_path: Path) -> None:
    """docs/reference/sweep-machines.md, "When something came"."""
    from kit.clients import client_named, isolated_environment  # noqa: PLC0415 - needs an environment
    from kit.distributions import make_wheel  # noqa: PLC0415 - as above

    uv = client_named("uv")
    filename, content = make_wheel("demo", "1.0", requires=())
    (tmp_path / filename).write_bytes(content)
    moments = []
    for venv in ("first", "second"):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / venv], check=True)
        before = now_utc()
        subprocess.run(
            [uv.environment / "bin" / "uv", "pip", "install", "--offline", "--link-mode", "hardlink",
             "--python", tmp_path / venv / "bin" / "python", tmp_path / filename],
            check=True, capture_output=True,
            env=isolated_environment(tmp_path) | {"UV_CACHE_DIR": str(tmp_path / "cache")},
        )  # fmt: skip
        moments.append((before, now_utc()))
        time.sleep(1.1)
    sites = [
        next((tmp_path / venv).glob("lib/python*/site-packages")) for venv in ("first", "second")
    ]
    codes = [(site / "demo" / "__init__.py").stat() for site in sites]
    if codes[0].st_ino != codes[1].st_ino:
        pytest.skip("uv could not link here")
    slack = timedelta(milliseconds=20)
    for site, (before, after) in zip(sites, moments, strict=True):
        one = by_name(look_at(site))["demo"]
        assert before - slack <= parse_instant(one.since_lo) <= after + slack
        assert one.direct is None, "uv writes REQUESTED for everything"


# npm and the system.


def test_node_modules_with_scopes_nesting_pnpm_and_what_removed_itself(tmp_path: Path) -> None:
    root = tmp_path / "app" / "node_modules"

    def package(path: str, name: str, version: str) -> None:
        (root / path).mkdir(parents=True)
        (root / path / "package.json").write_text(json.dumps({"name": name, "version": version}))

    package("axios", "axios", "1.14.1")
    package("@acme/right", "@acme/right", "0.1.0")
    package("axios/node_modules/left", "left", "2.0.0")
    package(".pnpm/deep@3.0.0/node_modules/deep", "deep", "3.0.0")
    (root / "deep").symlink_to(root / ".pnpm" / "deep@3.0.0" / "node_modules" / "deep")
    (root / "loop").symlink_to(root)
    sha512 = base64.b64encode(bytes(64)).decode()
    lock = {
        "node_modules/axios": {"version": "1.14.1", "integrity": f"sha512-{sha512}"},
        "node_modules/@acme/right": {"version": "9.9.9"},
        "node_modules/plain-crypto-js": {"version": "4.2.1", "integrity": f"sha512-{sha512}"},
        "": {"version": "1"},
    }
    (root / ".package-lock.json").write_text(json.dumps({"packages": lock}))
    look = look_at(root)
    found = by_name(look)
    assert {name: one.item.version for name, one in found.items() if name} == {
        "axios": "1.14.1", "@acme/right": "0.1.0", "left": "2.0.0", "deep": "3.0.0",
        "plain-crypto-js": "4.2.1",
    }  # fmt: skip
    assert found["axios"].item.digest == "sha512:" + "0" * 128
    assert found["@acme/right"].note == ".package-lock.json says @acme/right 9.9.9"
    assert "not there any more" in found["plain-crypto-js"].note
    assert found["left"].at == "node_modules/axios/node_modules/left"
    nested = root / "axios" / "node_modules"
    assert not any(reader.claims(nested, is_dir=True) for reader in READERS)
    (root / "axios" / "package.json").write_text("{")
    assert [gap.why for gap in look_at(root).gaps] == ["names no package"]


def test_dpkg_is_dated_by_its_file_lists(tmp_path: Path) -> None:
    status = tmp_path / "var" / "lib" / "dpkg" / "status"
    (status.parent / "info").mkdir(parents=True)
    status.write_text("Package: xz-utils\nVersion: 5.6.1-1\nStatus: install ok installed\n")
    (status.parent / "info" / "xz-utils.list").write_text("/usr/bin/xz\n")
    (tmp_path / "usr" / "lib").mkdir(parents=True)
    (tmp_path / "usr" / "lib" / "os-release").write_text("ID=debian\n")
    look = look_at(status)
    (one,) = look.sightings
    assert (one.item.type, one.item.name, one.item.version) == ("deb", "debian/xz-utils", "5.6.1-1")
    assert one.since_hi != ""
    status.write_text("Package: half\n")
    assert not look_at(status).whole


def test_code_that_no_metadata_names_is_a_gap(site: Path, install: Install) -> None:
    install("good", "1")
    (site / "_virtualenv.py").write_text("")
    (site / "left" / "__pycache__").mkdir(parents=True)
    (site / "left" / "__pycache__" / "x.pyc").write_text("")
    record = "good/__init__.py,,\ngood-1.dist-info/RECORD,,\n"
    (site / "good-1.dist-info" / "RECORD").write_text(record)
    assert look_at(site).whole
    (site / "litellm").mkdir()
    (site / "litellm" / "__init__.py").write_text("")
    (site / "editable.egg-link").write_text("/srv/me/src/editable")
    look = look_at(site)
    assert not look.whole
    assert look.gaps[0].why == (
        "no metadata says which releases these are: editable.egg-link, litellm"
    )


def test_node_modules_deep_in_a_package_are_read_by_themselves(tmp_path: Path) -> None:
    (reader,) = [one for one in READERS if one.name == "node-modules"]
    top = tmp_path / "node_modules"
    for inside, own in (
        ("a/node_modules", False),
        ("@s/a/node_modules", False),
        (".pnpm/a@1/node_modules", False),
        ("a/dist/bundled/node_modules", True),
        (".cache/x/node_modules", True),
        ("a/node_modules/b/node_modules", False),
    ):
        assert reader.claims(top / inside, is_dir=True) is own, inside
    assert reader.claims(top, is_dir=True)
