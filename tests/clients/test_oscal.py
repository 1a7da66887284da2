"""The OSCAL document of an audit pack, read by the reference library of the format."""

from __future__ import annotations

import json
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from kit.audits import AuditLog
from kit.environments import made_environment, unavailable
from pratique.parties.audit.model import Control, Told

READ = """
import sys
from pathlib import Path
from trestle.oscal.assessment_results import AssessmentResults
read = AssessmentResults.oscal_read(Path(sys.argv[1]))
print(len(read.results), len(read.results[0].observations or ()), len(read.results[0].findings or ()))
"""


def controls(told: Told) -> tuple[Control, ...]:
    ids = tuple(one.id for one in told.findings)
    states = ("clear", "found", "accepted", "unknown")
    return tuple(
        Control(
            id=f"dora-30.2.{state}", title=f"a point that is {state}", state=state,
            checks=("drill-recent",), findings=ids if state == "found" else (),
        )
        for state in states
    )  # fmt: skip


@pytest.mark.clients
def test_the_reference_library_reads_it(tmp_path: Path) -> None:
    environment = made_environment("trestle")
    if isinstance(environment, str):
        unavailable(environment)
    told = AuditLog(tmp_path / "ledger")
    for name, findings in (("acme", 4), ("lab", 4), ("vandelay", 4)):
        data, packed = told.pack(name, controls=controls)
        with zipfile.ZipFile(BytesIO(data)) as archive:
            document = archive.read("oscal-assessment-results.json")
        file = tmp_path / f"{name}.json"
        file.write_bytes(document)
        done = subprocess.run(
            [str(environment / "bin" / "python"), "-c", READ, str(file)],
            capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        result = json.loads(document)["assessment-results"]["results"][0]
        observed = len(result.get("observations", ()))
        told_of = packed.audit.told
        assert observed == len(told_of.drills) + len(told_of.evidence) + len(told_of.findings)
        if observed:
            assert done.stdout.split() == ["1", str(observed), str(findings)]
