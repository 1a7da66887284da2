"""How fast a sweep reads machines: SBOMs, image layers, dist-infos, each beside the usual library.

Run: .venv/bin/python benchmarks/sweep_reading.py [--small]
Bars: CycloneDX of 1,000 components ≥ 100 × cyclonedx-python-lib; a layer of 1.2 GB ≥ 20 × tarfile as a
stream; 100 dist-infos ≥ 10 × importlib.metadata. CPU of alternating rounds, the best of each side.

Sizes of the layer's files are those of a site-packages, repeated; contents are incompressible, and
the file is in the page cache for both sides. importlib is asked for name and version only; we also
give the installer, what was asked for, where it came from, and when.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import sysconfig
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness import Report, arguments, run_main, scratch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from pratique.edge.sweep.environments import read_site
from pratique.inventory.images.layers import Layer, read_layer
from pratique.inventory.sboms import read_sbom
from pratique.values.instants import now_utc

ROUNDS = 9
LAYER_BYTES = 1_200_000_000
COMPONENTS = 1000
DISTRIBUTIONS = 100
_WANTED = (".dist-info/METADATA", ".dist-info/RECORD", ".dist-info/INSTALLER")
_MEBIBYTE = 1 << 20


def best(*sides: Callable[[], Any], rounds: int = ROUNDS) -> list[float]:
    """CPU seconds of each side, in alternating rounds."""
    found = [float("inf")] * len(sides)
    for _ in range(rounds):
        for at, side in enumerate(sides):
            began = time.process_time()
            side()
            found[at] = min(found[at], time.process_time() - began)
    return found


def cyclonedx() -> bytes:
    """A document as scanners write it: hashes, licenses, properties, a graph of dependencies."""
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/package-{number}@1.{number}",
            "name": f"package-{number}",
            "version": f"1.{number}",
            "purl": f"pkg:pypi/package-{number}@1.{number}",
            "hashes": [{"alg": "SHA-256", "content": f"{number:064x}"}],
            "licenses": [{"license": {"id": "Apache-2.0"}}],
            "properties": [{"name": "found:by", "value": "python-installed-package-cataloger"}],
            "externalReferences": [{"type": "website", "url": f"https://h.example/{number}"}],
        }
        for number in range(COMPONENTS)
    ]
    dependencies = [
        {"ref": one["bom-ref"], "dependsOn": [str(components[at // 2]["bom-ref"])] if at else []}
        for at, one in enumerate(components)
    ]
    document = {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"timestamp": "2026-03-24T10:40:00Z"},
        "components": components, "dependencies": dependencies,
    }  # fmt: skip
    return json.dumps(document).encode()


def sboms(report: Report) -> None:
    from cyclonedx.model.bom import Bom  # noqa: PLC0415 - its import is no part of what is measured

    data = cyclonedx()
    parse: Callable[[Any], Any] = getattr(Bom, "from_json")  # noqa: B009 - added by a decorator
    ours, theirs = best(
        lambda: read_sbom(data).sightings(at=""), lambda: parse(json.loads(data)), rounds=5
    )
    report.row("CycloneDX, 1,000 components", ours * 1e3, theirs * 1e3, theirs / ours)
    report.at_least("CycloneDX against cyclonedx-python-lib", theirs / ours, 100, " ×")


def write_layer(path: Path, total: int) -> int:
    """A layer of `total` bytes; gives how many members."""
    root = Path(sysconfig.get_paths()["purelib"])
    files = [
        (str(one.relative_to(root)), one.stat().st_size)
        for one in sorted(root.rglob("*"))
        if one.is_file() and "__pycache__" not in one.parts
    ]
    noise = os.urandom(64 * _MEBIBYTE)
    written = members = 0
    with path.open("wb") as out:
        for name, size in _repeated(files):
            if written >= total:
                break
            info = tarfile.TarInfo(name)
            info.size = size
            out.write(info.tobuf(tarfile.USTAR_FORMAT))  # as container tools write it
            for start in range(0, size, len(noise)):
                out.write(noise[: min(len(noise), size - start)])
            out.write(bytes(-size % 512))
            written += size
            members += 1
        out.write(bytes(1024))
    return members


def _repeated(files: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    generation = 0
    while True:
        for name, size in files:
            yield f"opt/{generation}/lib/python3.11/site-packages/{name}", size
        generation += 1


def layers(report: Report, *, small: bool) -> None:
    with scratch() as folder:
        path = folder / "layer.tar"
        members = write_layer(path, LAYER_BYTES // (20 if small else 1))
        descriptor = os.open(path, os.O_RDONLY)

        def here() -> Layer:
            return read_layer(
                lambda offset, length: os.pread(descriptor, length, offset),
                standing=frozenset(), max_members=1_000_000,
            )  # fmt: skip

        def stream() -> int:
            found = 0
            with path.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|") as archive:
                for member in archive:
                    if member.name.endswith(_WANTED):
                        content = archive.extractfile(member)
                        found += len(content.read()) if content else 0
            return found

        try:
            stream()  # both sides read from memory
            ours, theirs = best(here, stream, rounds=5)
        finally:
            os.close(descriptor)
        size = path.stat().st_size / 1e9
    report.row(
        f"layer, {size:.2f} GB, {members:,} members", ours * 1e3, theirs * 1e3, theirs / ours
    )
    report.at_least("image layer against tarfile as a stream", theirs / ours, 20, " ×")


def environments(report: Report) -> None:
    with scratch() as folder:
        site = folder / "site-packages"
        source = Path(sysconfig.get_paths()["purelib"])
        for one in sorted(source.glob("*.dist-info"))[:DISTRIBUTIONS]:
            target = site / one.name
            target.mkdir(parents=True)
            for name in ("METADATA", "INSTALLER", "REQUESTED", "RECORD", "direct_url.json"):
                if (one / name).is_file():
                    (target / name).write_bytes((one / name).read_bytes())
        count = len(list(site.iterdir()))

        def theirs_too() -> list[tuple[str, str]]:
            found = importlib.metadata.distributions(path=[str(site)])
            return [(one.metadata["Name"], one.version) for one in found]

        now = now_utc()
        ours, theirs = best(lambda: read_site(str(site), now), theirs_too)
    report.row(f"{count} dist-infos", ours * 1e3, theirs * 1e3, theirs / ours)
    report.at_least("dist-infos against importlib.metadata", theirs / ours, 10, " ×")


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(
        name="sweep_reading", small=options.small,
        columns=("what", "ours, ms CPU", "library, ms CPU", "ratio"),
    )  # fmt: skip
    sboms(report)
    layers(report, small=options.small)
    environments(report)
    return report.finish()


if __name__ == "__main__":
    run_main(main)
