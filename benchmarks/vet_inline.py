"""A 10 MB wheel that nobody has had before, through the door: with vetting and without it.

Every download is a release of its own, one after the other, so each is fetched from the upstream on
loopback, hashed, stored, recorded, and with vetting examined against the release before it. The wheel
holds what big wheels hold: 2 MB of Python sources (modules of the standard library), native
libraries, data. Each release changes three modules. Wall time at the client, doors by turns.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import statistics
import sysconfig
import time
import urllib.parse
import zipfile
from pathlib import Path

import peers
import upstream
from harness import CannotRunError, Report, Server, arguments, get, page, run_main, scratch

PROJECT = "heavy"
NATIVE_BYTES = 8 * 1024 * 1024
SOURCE_BYTES = 2 * 1024 * 1024
ELF = b"\x7fELF\x02\x01\x01" + bytes(9)
OFF = '[vet]\nmode = "off"\n'
INLINE = '[vet]\nmode = "inline"\nahead = false\n'
BAR = 15.0


def sources() -> dict[str, bytes]:
    """Modules of the standard library, in the order of their names."""
    found: dict[str, bytes] = {}
    folder = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(folder.glob("*.py")):
        found[f"heavy/{path.name}"] = path.read_bytes()
        if sum(map(len, found.values())) > SOURCE_BYTES:
            break
    return found


def add_release(root: Path, number: int, modules: dict[str, bytes]) -> dict[str, object]:
    """Write one release; gives its entry on the page."""
    chance = random.Random(7)
    version = f"1.{number}"
    name = f"{PROJECT}-{version}-py3-none-any.whl"
    path = root / "files" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    changed = random.Random(number).sample(sorted(modules), 3)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("heavy/__init__.py", f"__version__ = {version!r}\n")
        for member, source in modules.items():
            more = f"\n\ndef added_{number}():\n    return {number}\n" if member in changed else ""
            archive.writestr(member, source + more.encode())
        for library in range(4):
            body = ELF + chance.randbytes(NATIVE_BYTES // 4)
            archive.writestr(f"heavy/_native{library}.so", body)
        stem = f"{PROJECT}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {PROJECT}\nVersion: {version}\nSummary: Heavy.\n"
        archive.writestr(f"{stem}/METADATA", metadata)
        archive.writestr(f"{stem}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        names = [*archive.namelist(), f"{stem}/RECORD"]
        archive.writestr(f"{stem}/RECORD", "".join(f"{member},,\n" for member in names))
    return {
        "filename": name,
        "url": f"/files/{name}",
        "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
        "size": path.stat().st_size,
        "upload-time": f"2024-01-01T00:{number:02d}:00Z",
    }


def seconds(door: Server, entry: dict[str, object]) -> float:
    """Wall time of one download, whole and right."""
    below = f"{door.base}/pypi/simple/{PROJECT}/"
    files = page(below)["files"]
    link = next(str(file["url"]) for file in files if file["filename"] == entry["filename"])
    url = urllib.parse.urljoin(below, link)
    began = time.perf_counter()
    body = get(url)
    took = time.perf_counter() - began
    if hashlib.sha256(body).hexdigest() != entry["hashes"]["sha256"]:  # type: ignore[index] # as made
        raise CannotRunError(f"{entry['filename']} came wrong")
    return took


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(name="vet_inline", small=options.small)
    releases = 6 if options.small else 40
    with scratch() as folder, contextlib.ExitStack() as stack:
        root = folder / "root"
        modules = sources()
        entries = [add_release(root, number, modules) for number in range(releases)]
        meta = {"api-version": "1.1"}
        versions = [f"1.{number}" for number in range(releases)]
        upstream.write_page(
            root,
            PROJECT,
            {"meta": meta, "name": PROJECT, "versions": versions, "files": entries},
        )
        source = stack.enter_context(peers.upstream(root, folder / "upstream"))
        url = source.base + "/simple/"
        doors = {
            label: stack.enter_context(
                peers.pratique(folder / label, upstream_url=url, settings=settings)
            )
            for label, settings in (("off", OFF), ("inline", INLINE))
        }
        took: dict[str, list[float]] = {label: [] for label in doors}
        for number, entry in enumerate(entries):
            order = list(doors) if number % 2 else list(reversed(doors))
            for label in order:
                value = seconds(doors[label], entry)
                if number > 1:  # the first ones have no kept predecessor, and cold code
                    took[label].append(value * 1000)
    medians = {label: statistics.median(values) for label, values in took.items()}
    report.columns = ("vetting", "median ms", "p90 ms", "downloads")
    for label, values in took.items():
        report.row(label, medians[label], sorted(values)[int(len(values) * 0.9)], len(values))
    size = int(str(entries[-1]["size"]))
    report.notes.append(f"{size / 1e6:.1f} MB, {len(modules) + 8} members, three of them changed")
    added = (medians["inline"] / medians["off"] - 1) * 100
    report.at_most("added by inline vetting to the download of a 10 MB wheel", added, BAR, " %")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
