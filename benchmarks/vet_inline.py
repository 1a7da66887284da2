"""A 10 MB wheel that nobody has had before, through the door: with vetting and without it.

Every download is a file of its own: fetched from the upstream on loopback, hashed, stored, recorded,
and with vetting examined. Wall time at the client, doors by turns, in two regimes:

- next: a release whose predecessor was delivered and, as it happens to predecessors, has been read
  thoroughly since. No worker holds that predecessor's facts before the client reads the metadata.
- first: the only release of its project.

As pip and uv do, the client reads the page, then the wheel's metadata, and downloads a moment later.

The wheel holds what big wheels hold: 2 MB of Python sources (modules of the standard library), native
libraries, data. A next release changes three modules: a function is added to each.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import random
import statistics
import sysconfig
import time
import urllib.error
import urllib.parse
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peers
import upstream
from harness import CannotRunError, Report, Server, arguments, get, page, run_main, scratch

NATIVE_BYTES = 8 * 1024 * 1024
SOURCE_BYTES = 2 * 1024 * 1024
ELF = b"\x7fELF\x02\x01\x01" + bytes(9)
PAGE_SECONDS = 2
DOOR = f"[door]\npage_seconds = {PAGE_SECONDS}\n"
OFF = DOOR + '[vet]\nmode = "off"\n'
INLINE = DOOR + '[vet]\nmode = "inline"\nahead = false\nworkers = 2\n'
BAR = 15.0
PROJECTS = 6
MOMENT = 0.05
"""Seconds between a wheel's metadata and its download; resolvers take longer over a real network."""
READ_SECONDS = 120
"""For the door to read a delivered release thoroughly; it takes two."""


def sources() -> dict[str, bytes]:
    """Modules of the standard library, in the order of their names."""
    found: dict[str, bytes] = {}
    folder = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(folder.glob("*.py")):
        found[path.name] = path.read_bytes()
        if sum(map(len, found.values())) > SOURCE_BYTES:
            break
    return found


@dataclass(slots=True)
class Project:
    """A project whose releases are made one after the other."""

    root: Path
    name: str
    modules: dict[str, bytes]
    files: list[dict[str, Any]] = field(default_factory=list)

    def release(self) -> dict[str, Any]:
        """Make the next release, which keeps what the ones before it changed; gives its entry."""
        number = len(self.files)
        if number:
            chance = random.Random(f"{self.name} {number}")
            for changed in chance.sample(sorted(self.modules), 3):
                more = f"\n\ndef added_{number}():\n    return {number}\n"
                self.modules[changed] += more.encode()
        version = f"1.{number}"
        name = f"{self.name}-{version}-py3-none-any.whl"
        path = self.root / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in self._members(version):
                archive.writestr(member, content)
        metadata = self._metadata(version)
        path.with_name(name + ".metadata").write_bytes(metadata)
        entry = {
            "filename": name,
            "core-metadata": {"sha256": hashlib.sha256(metadata).hexdigest()},
            "url": f"/files/{name}",
            "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
            "size": path.stat().st_size,
            "upload-time": f"2024-01-01T00:{number:02d}:00Z",
        }
        self.files.append(entry)
        return entry

    def _members(self, version: str) -> list[tuple[str, bytes | str]]:
        native = random.Random(self.name)  # the same in each release
        name, stem = self.name, f"{self.name}-{version}.dist-info"
        members: list[tuple[str, bytes | str]] = [
            (f"{name}/__init__.py", f"__version__ = {version!r}\n"),
            *((f"{name}/{module}", source) for module, source in self.modules.items()),
            *(
                (f"{name}/_native{number}.so", ELF + native.randbytes(NATIVE_BYTES // 4))
                for number in range(4)
            ),
            (f"{stem}/METADATA", self._metadata(version)),
            (f"{stem}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n"),
        ]
        names = [*(member for member, _ in members), f"{stem}/RECORD"]
        return [*members, (f"{stem}/RECORD", "".join(f"{member},,\n" for member in names))]

    def _metadata(self, version: str) -> bytes:
        return f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {version}\n".encode()

    def publish(self) -> None:
        versions = [f"1.{number}" for number in range(len(self.files))]
        meta: dict[str, object] = {"api-version": "1.1"}
        content: dict[str, object] = {
            "meta": meta,
            "name": self.name,
            "versions": versions,
            "files": self.files,
        }
        upstream.write_page(self.root, self.name, content)


def seconds(door: Server, project: str, entry: dict[str, Any]) -> float:
    """Wall time of one download, whole and right."""
    below = f"{door.base}/pypi/simple/{project}/"
    files = page(below)["files"]
    link = next(str(file["url"]) for file in files if file["filename"] == entry["filename"])
    url = urllib.parse.urljoin(below, link)
    get(url + ".metadata")
    time.sleep(MOMENT)
    began = time.perf_counter()
    try:
        body = get(url)
    except (OSError, http.client.IncompleteRead) as error:
        raise CannotRunError(
            f"{entry['filename']} was not delivered: {_why(url, error)}"
        ) from error
    took = time.perf_counter() - began
    if hashlib.sha256(body).hexdigest() != entry["hashes"]["sha256"]:
        raise CannotRunError(f"{entry['filename']} came wrong")
    return took


def _why(url: str, error: Exception) -> str:
    try:
        get(url)
    except urllib.error.HTTPError as refused:
        return f"{refused.code} {refused.reason}"
    except OSError as again:
        return str(again)
    return f"{error}, and then it was"


def let_read(door: Server) -> None:
    """Wait until the door's workers have rested for a while: what was delivered has been read."""
    deadline = time.monotonic() + READ_SECONDS
    time.sleep(PAGE_SECONDS)
    rested, before = 0, door.cpu()
    while rested < 5:
        if time.monotonic() > deadline:
            raise CannotRunError("the door does not come to rest")
        time.sleep(0.5)
        now = door.cpu()
        rested = rested + 1 if now - before < 0.02 else 0
        before = now


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(name="vet_inline", small=options.small)
    rounds = 1 if options.small else 6
    with scratch() as folder, contextlib.ExitStack() as stack:
        root = folder / "root"
        modules = sources()
        projects = [Project(root, f"heavy{n}", dict(modules)) for n in range(PROJECTS)]
        lonely = [Project(root, f"only{n}", dict(modules)) for n in range(PROJECTS * rounds)]
        for project in (*projects, *lonely):
            project.release()
            project.publish()
        source = stack.enter_context(peers.upstream(root, folder / "upstream"))
        url = source.base + "/simple/"
        doors = {
            label: stack.enter_context(
                peers.pratique(folder / label, upstream_url=url, settings=settings)
            )
            for label, settings in (("off", OFF), ("inline", INLINE))
        }
        took: dict[tuple[str, str], list[float]] = {
            (regime, label): [] for regime in ("next", "first") for label in doors
        }
        cpu = dict.fromkeys(took, 0.0)

        def ask(regime: str, project: Project, number: int, turn: int) -> None:
            for label in list(doors) if turn % 2 else reversed(doors):
                before = doors[label].cpu()
                value = seconds(doors[label], project.name, project.files[number]) * 1000
                took[regime, label].append(value)
                cpu[regime, label] += doors[label].cpu() - before

        for project in projects:
            for door in doors.values():
                seconds(door, project.name, project.files[0])
        for number in range(1, rounds + 1):
            for project in projects:
                project.release()
                project.publish()
            let_read(doors["inline"])
            for turn, project in enumerate(projects):
                ask("next", project, number, turn)
        let_read(doors["inline"])
        for turn, project in enumerate(lonely):
            ask("first", project, 0, turn)
    report.columns = (
        "release",
        "vetting",
        "median ms",
        "p90 ms",
        "CPU ms, all processes",
        "downloads",
    )
    for (regime, label), values in took.items():
        ninth = sorted(values)[int(len(values) * 0.9)]
        spent = cpu[regime, label] * 1000 / len(values)
        report.row(regime, label, statistics.median(values), ninth, spent, len(values))
    size = int(projects[0].files[-1]["size"])
    report.notes.append(f"{size / 1e6:.1f} MB, {len(modules) + 8} members, three of them changed")
    added = {
        regime: (
            statistics.median(took[regime, "inline"]) / statistics.median(took[regime, "off"]) - 1
        )
        * 100
        for regime in ("next", "first")
    }
    report.at_most(
        "added by inline vetting to a 10 MB wheel, next release", added["next"], BAR, " %"
    )
    report.notes.append(f"load of the machine when it ended: {os.getloadavg()[0]:.1f}")
    report.notes.append(f"added to the only release of a project: {added['first']:.0f} %")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
