"""All checks over 500 vendors with 2,000 components each, and one more advisory afterwards.

The register, SBOMs as looks, advisories, contracts, leases and drills are written as they are in
earnest: entries of a log, applied to the projection. Then `pratique party check` is run as a command:
all that it finds is new; nothing has changed; one advisory came; everything once more.

Run: .venv/bin/python benchmarks/parties_checks.py [--small] [--vendors N] [--keep FOLDER]
Bar: at most 60 s for everything, at most 2 s after one advisory (wall, the whole command; median of five).
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from harness import BIN, Report, arguments, run_main
from pratique.custody.model import Copy, Lease, LeaseId, Verb
from pratique.exposure.advisories.entries import advisory_draft
from pratique.exposure.advisories.overlay import combine
from pratique.exposure.advisories.records import parse_revision
from pratique.home import prepare_home
from pratique.inventory.observed.entries import look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Item,
    Look,
    PlaceKind,
    Sighting,
    Stage,
)
from pratique.ledger.entries import Draft
from pratique.parties.entries import contract_draft, evidence_draft, party_draft, project_draft
from pratique.parties.model import (
    Claim,
    Contract,
    Evidence,
    EvidenceKind,
    Party,
    PartyKind,
    Project,
    Promise,
    Signature,
)
from pratique.settings import Settings, load_settings
from pratique.store.custody import open_custody
from pratique.store.logs import open_log
from pratique.store.presence import open_presence

VENDORS, SMALL_VENDORS = 500, 40
COMPONENTS = 2_000
PACKAGES = 20_000
VERSIONS = 6
ADVISORIES = 1_000
LEASES = 10
NOW = datetime.now(tz=UTC)
ACTOR = "operator:bench"
_BATCH = 500


@dataclass(slots=True)
class Made:
    """What was written."""

    entries: int = 0
    components: int = 0


def vendor(number: int) -> str:
    return f"vendor-{number:03}"


def register_drafts(vendors: int) -> Iterator[Draft]:
    client = Party(name="lab", kind=PartyKind.CLIENT)
    yield party_draft("lab", client, source="", actor=ACTOR)
    for number in range(vendors):
        name = vendor(number)
        party = Party(
            name=name, kind=PartyKind.VENDOR, locations=("EU",), networks=("192.0.2.0/24",),
            products=("labeler",), assets=(f"{name}-*",),
            promises=(Promise(evidence="sbom", every_days=30, product="labeler"),),
        )  # fmt: skip
        yield party_draft(name, party, source="", actor=ACTOR)
        project = Project(
            name="work", vendor=name, client="lab", purpose="labelling", datasets=("corpus",),
            holders=tuple(f"p-{one}" for one in range(LEASES)), budget_bytes=1 << 40, residency="EU",
        )  # fmt: skip
        yield project_draft(project.id, project, source="", actor=ACTOR)
        contract = Contract(
            id=f"{name}-msa", party=name, starts=date(2025, 1, 1), notice_hours=24, evidence_hours=48,
            return_days=30, audit_right=True,
        )  # fmt: skip
        yield contract_draft(contract.id, contract, source="", actor=ACTOR)
        yield evidence_draft(_sbom(name), actor=ACTOR)


def _sbom(name: str) -> Evidence:
    return Evidence(
        party=name, kind=EvidenceKind.SBOM, sha256="0" * 64, size=1, media_type="application/json",
        filename="bom.json", subjects=("labeler@4.1",), made_at=None, expires_at=None,
        signature=Signature.NONE, signer="", claims=(Claim(topic="sub-processors", answer="none"),),
        claims_total=1, faults=(),
    )  # fmt: skip


def look_of(name: str, dice: random.Random) -> Look:
    """A product with components as they are spread: few are everywhere, most are rare."""
    chosen: dict[int, int] = {}
    while len(chosen) < COMPONENTS:
        package = int(PACKAGES * dice.random() ** 2)
        chosen.setdefault(package, dice.randrange(VERSIONS))
    return Look(
        asset=f"vendor/{name}/labeler", asset_kind=AssetKind.VENDOR_SYSTEM, place_kind=PlaceKind.SBOM,
        locator="bom.json", at_lo=NOW, at_hi=NOW, evidence_class=EvidenceClass.DECLARED, collector="bench",
        sightings=tuple(
            Sighting(
                item=Item(type="pypi", name=f"package-{package}", version=f"1.{version}"),
                stage=Stage.INSTALLED,
            )
            for package, version in sorted(chosen.items())
        ),
    )  # fmt: skip


def advisory(number: int, package: int, *, malware: bool) -> Draft:
    record = {
        "id": f"{'MAL' if malware else 'GHSA'}-bench-{number}",
        "summary": "something is wrong with it",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": f"package-{package}"},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "1.2"}, {"fixed": "1.3"}]}
                ],
            }
        ],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    }
    data = json.dumps(record).encode()
    read = combine(parse_revision(data, source="bench", seen_at=NOW), None)
    return advisory_draft(read, data, actor=ACTOR)


def drafts(vendors: int, dice: random.Random) -> Iterator[Draft]:
    yield from register_drafts(vendors)
    for number in range(ADVISORIES):
        yield advisory(number, dice.randrange(2 * PACKAGES), malware=number % 50 == 0)
    for number in range(vendors):
        yield from look_drafts(
            look_of(vendor(number), dice), base=None, is_recorded=lambda _: False
        )
        body = {"streams": 1, "p50_ms": 90, "p99_ms": 400, "bytes_after_max": 0, "nodes": 1}
        subject = f"scope:vendor:{vendor(number)}"
        yield Draft(kind="revocation-drill", subject=subject, actor=ACTOR, body=body)


def leases(vendors: int) -> Iterator[Lease]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    for number in range(vendors * LEASES):
        code = "".join(letters[number >> 5 * place & 31] for place in range(17))
        yield Lease(
            id=LeaseId(f"PQL{code}"), holder=f"p-{number % LEASES}", vendor=vendor(number // LEASES),
            project="work", client="lab", purpose="labelling", selectors=("corpus",),
            verbs=frozenset({Verb.READ}), copy=Copy.MARKED, budget_bytes=1 << 30, budget_objects=1000,
            rate=0, networks=(), granted_at=NOW, not_before=NOW, not_after=NOW + timedelta(hours=12),
            granted_by="operator:bench", certificate=b"",
        )  # fmt: skip


def write(settings: Settings, told: Iterator[Draft], made: Made) -> None:
    with closing(open_log(settings)) as log, closing(open_presence(settings, log=log)) as presence:
        batch: list[Draft] = []
        for draft in told:
            batch.append(draft)
            if len(batch) >= _BATCH:
                log.append(batch, now=datetime.now(tz=UTC))
                made.entries += len(batch)
                batch = []
        log.append(batch, now=datetime.now(tz=UTC))
        made.entries += len(batch)
        presence.catch_up()


def timed(home: Path, *options: str) -> tuple[float, float]:
    """Wall and CPU seconds of a check as a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        [str(BIN / "pratique"), "party", "check", "--home", str(home), *options],
        check=False, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode in {0, 1, 3}, done.stderr[-2000:]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def main() -> int:
    options = arguments(
        __doc__ or "",
        vendors={"type": int, "default": 0, "help": "how many instead of 500"},
        keep={"default": "", "help": "make the installation there, and leave it"},
    )
    vendors = options.vendors or (SMALL_VENDORS if options.small else VENDORS)
    report = Report(
        name="parties_checks", small=options.small, columns=("check", "wall s", "CPU s", "findings"),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(options.keep or temporary)
        settings = load_settings(home)
        prepare_home(settings.home)
        made = Made(components=vendors * COMPONENTS)
        dice = random.Random(7)
        if not (home / "facts.db").exists():
            write(settings, drafts(vendors, dice), made)
            with closing(open_custody(settings)) as custody:
                for lease in leases(vendors):
                    custody.add_lease(lease)
        measure(report, settings, home)
    report.notes.append(
        f"{vendors} vendors, {made.components:,} components, {ADVISORIES:,} advisories,"
        f" {vendors * LEASES:,} leases, {made.entries:,} entries"
    )
    return report.finish()


def measure(report: Report, settings: Settings, home: Path) -> None:
    first, cpu = timed(home)
    report.row("everything, all of it new", first, cpu, f"{count(settings):,}")
    again, cpu = timed(home)
    report.row("everything again", again, cpu, f"{count(settings):,}")
    made = Made()
    write(settings, iter([advisory(ADVISORIES, 100, malware=True)]), made)
    after = []
    for _ in range(5):
        wall, cpu = timed(home, "--since-advisory", f"MAL-bench-{ADVISORIES}")
        after.append(wall)
        report.row("after one advisory", wall, cpu, f"{count(settings):,}")
    full, cpu = timed(home)
    report.row("everything afterwards", full, cpu, f"{count(settings):,}")
    report.at_most("all checks", max(first, again), 60, " s")
    report.at_most("after one advisory", statistics.median(after), 2, " s")


def count(settings: Settings) -> int:
    """Entries about findings."""
    with closing(open_log(settings)) as log, closing(open_presence(settings, log=log)) as presence:
        return len(presence.events("finding"))


if __name__ == "__main__":
    run_main(main)
