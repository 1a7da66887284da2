"""Reading a CycloneDX document of 1,000 components, beside cyclonedx-python-lib.

Both read the same bytes to objects in memory, in turns; both must give the same purls.

Run: .venv/bin/python benchmarks/read_sbom.py [--small]
Bar: at least 100 times as fast as cyclonedx-python-lib, by CPU.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from cyclonedx.model.bom import Bom

from harness import Report, arguments, run_main
from pratique.inventory.sboms.reading import read_sbom

COMPONENTS, ROUNDS = 1_000, 5


def document(components: int) -> bytes:
    """As generators write it: hashes, licenses, properties, a dependency graph."""
    refs = [f"pkg:pypi/package-{n}@1.{n % 40}.{n % 7}" for n in range(components)]
    listed = [
        {
            "type": "library", "bom-ref": ref, "name": f"package-{n}", "version": ref.split("@")[1],
            "purl": ref, "licenses": [{"license": {"id": "MIT"}}],
            "hashes": [{"alg": "SHA-256", "content": f"{n:064x}"}],
            "properties": [{"name": "found:by", "value": "python-installed-package-cataloger"}],
        }
        for n, ref in enumerate(refs)
    ]  # fmt: skip
    depends = [
        {
            "ref": ref,
            "dependsOn": sorted({refs[(n * 7 + k) % components] for k in range(1, 4)} - {ref}),
        }
        for n, ref in enumerate(refs)
    ]
    return json.dumps(
        {
            "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
            "metadata": {"timestamp": "2026-03-24T10:00:00Z"},
            "components": listed, "dependencies": depends,
        }
    ).encode()  # fmt: skip


def theirs(data: bytes) -> set[str]:
    bom: Any = Bom.from_json(json.loads(data))  # type: ignore[attr-defined]  # added by a decorator
    return {str(component.purl) for component in bom.components}


def ours(data: bytes) -> set[str]:
    items = [component.item for component in read_sbom(data).components]
    return {f"pkg:{item.type}/{item.name}@{item.version}" for item in items}


def cpu(work: Callable[[bytes], object], data: bytes, times: int) -> float:
    """CPU milliseconds of one."""
    began = time.process_time()
    for _ in range(times):
        work(data)
    return (time.process_time() - began) * 1000 / times


def main() -> int:
    options = arguments(__doc__ or "")
    data = document(COMPONENTS)
    assert ours(data) == theirs(data)
    rounds = 2 if options.small else ROUNDS
    pairs = [(cpu(read_sbom, data, 20), cpu(theirs, data, 1)) for _ in range(rounds)]
    mine, peer = (statistics.median(one) for one in zip(*pairs, strict=True))
    report = Report(
        name="read_sbom", small=options.small, columns=("reader", "CPU ms", "times ours"),
    )  # fmt: skip
    report.row("pratique", mine, 1.0)
    report.row("cyclonedx-python-lib", peer, peer / mine)
    report.at_least("times as fast as cyclonedx-python-lib", peer / mine, 100)
    report.notes.append(f"{COMPONENTS:,} components, {len(data) / 1000:,.0f} kB of JSON")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
