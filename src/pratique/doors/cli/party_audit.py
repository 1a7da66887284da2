"""`pratique party audit`: everything that an auditor of one party asks for, in one signed file."""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click
import msgspec

from pratique.doors.cli.evidence_file import EVIDENCE_MODE
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.party_desk import PartyDesk, open_party_desk
from pratique.errors import InputError, IntegrityError, UnavailableError
from pratique.store.log_keys import read_key
from pratique.store.log_names import KEY_FILE
from pratique.values.instants import Instant, now_utc, parse_instant

if TYPE_CHECKING:
    from pratique.parties.audit.model import Control, ProfileLine, Told
    from pratique.parties.audit.names import PackGuard
    from pratique.parties.model import Party
    from pratique.store.party_checks import Run

_PDF_SECONDS: Final = 120
_WITHHELD: Final = "Withheld: it names somebody else."
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")


@click.command("audit")
@click.argument("name", metavar="NAME")
@click.option(
    "-o", "--output", "target", required=True, help="The file: pack.zip.",
    type=click.Path(path_type=Path, dir_okay=False),
)  # fmt: skip
@click.option("--from", "start", metavar="INSTANT", help="History from then on.")
@click.option("--to", "end", metavar="INSTANT", help="History before then.")
@click.option("--pdf", is_flag=True, help="With the page as a PDF, made with Chromium.")
@home_option
@format_option
def audit(
    name: str,
    target: Path,
    start: str | None,
    end: str | None,
    *,
    pdf: bool,
    home: Path | None,
    form: str,
) -> None:
    """Write what is known of a party, with proofs, for somebody who does not trust us.

    Register, contracts, evidence, findings, leases, what was disclosed, drills, suspensions, notices; OSCAL
    and a page; and nothing about anybody else. The reader checks it with `pratique verify pack.zip`,
    without network or database.
    """
    since, until = (None if one is None else parse_instant(one) for one in (start, end))
    if since is not None and until is not None and since >= until:
        raise InputError("the span ends before it starts", expected="--from EARLIER --to LATER")
    browser = _browser() if pdf else None
    now = now_utc()
    with open_party_desk(home) as desk, _new_file(target) as (aside, out):
        made = _write(desk, name, out, browser=browser, start=since, end=until, now=now)
        out.flush()
        _check(aside, made["key"])
    if form == "json":
        click.echo(
            msgspec.json.format(msgspec.json.encode({"file": str(target), **made}), indent=2)
        )
        return
    click.echo(
        f"{target}: {made['bytes']:,} bytes, {made['entries']:,} entries in clear, "
        f"{made['withheld']:,} by hash only, log of {made['log_size']:,} entries"
    )
    click.echo(f"  check it: pratique verify {target} --key {made['key']}")


def _write(
    desk: PartyDesk,
    name: str,
    out: BinaryIO,
    *,
    browser: str | None,
    start: Instant | None,
    end: Instant | None,
    now: Instant,
) -> dict[str, Any]:
    from pratique.parties.audit.pack import Material, write_pack  # noqa: PLC0415 - loads templates

    party, stores = desk.party(name), desk.stores
    signer = read_key(
        stores.settings.home / "ledger" / KEY_FILE, stores.settings.storage.log_origin
    )
    guard = guard_of(desk, party)
    checked = _Checked(desk, party, guard, now=now)
    material = Material(
        party=party,
        checkpoint=stores.log.checkpoint(),
        made_at=now,
        guard=guard,
        sizes=stores.presence.custody.size_of,
        start=start,
        end=end,
        evidence=_evidence(desk),
        profile=checked.profile,
        controls=checked.controls,
        pdf=None if browser is None else partial(_pdf, browser),
    )
    packed = write_pack(material, stores.log.leaves, out, signer=signer)
    totals = packed.audit.totals
    return {
        "party": name,
        "bytes": packed.bytes,
        "entries": totals.entries,
        "withheld": totals.withheld,
        "log_size": packed.audit.size,
        "key": signer.verifier.render(),
    }


def guard_of(desk: PartyDesk, party: Party) -> PackGuard:
    """Knows the names of everybody who has nothing to do with a party, and of their datasets."""
    from pratique.parties.audit.names import PackGuard, related_names  # noqa: PLC0415 - as above
    from pratique.parties.audit.pack import common_texts  # noqa: PLC0415 - as above

    register, presence = desk.register, desk.stores.presence
    leases = [one.body for one in presence.events("lease")]
    pairs = {(str(one.get("vendor", "")), str(one.get("client", ""))) for one in leases}
    own = related_names(party, register, [n for pair in pairs if party.name in pair for n in pair])
    others = {f"vendor:{vendor}" for vendor, _ in pairs if vendor not in own}
    others |= {f"client:{client}" for _, client in pairs if client not in own}
    for one in register.parties.values():
        if one.name not in own:
            others |= {one.entity, *([f"{one.kind.value}:{one.title}"] if one.title else ())}
    allowed = {
        *own,
        *party.datasets,
        *(register.parties[n].title for n in own & set(register.parties)),
    }
    for work in register.projects.values():
        if {work.vendor, work.client} <= own:
            allowed |= {work.name, work.purpose, *work.datasets, *work.holders}
    for event in presence.events("dataset"):
        owner, dataset = str(event.body.get("client", "")), event.subject
        if owner not in own:
            others.add(dataset)
    return PackGuard(others, allowed=allowed - {""}, common_texts=common_texts())


def _evidence(desk: PartyDesk) -> Callable[[str], bytes | None]:
    def bytes_of(digest: str) -> bytes | None:
        # What was changed on the disk is told by `party evidence`; here its hash stands without bytes.
        try:
            return desk.evidence_bytes(digest)
        except (IntegrityError, InputError):
            return None

    return bytes_of


class _Checked:
    """What the checks say now; they run once, when the pack first asks."""

    def __init__(self, desk: PartyDesk, party: Party, guard: PackGuard, *, now: Instant) -> None:
        self._desk, self._party, self._guard, self._now = desk, party, guard, now

    @cached_property
    def _run(self) -> Run:
        from pratique.store.custody import open_custody  # noqa: PLC0415 - as above
        from pratique.store.party_checks import CheckDesk  # noqa: PLC0415 - as above

        stores = self._desk.stores
        checking = CheckDesk(
            stores.log,
            stores.presence,
            partial(open_custody, stores.settings),
            stores.settings,
            _evidence(self._desk),
        )
        return checking.check(now=self._now, parties={self._party.name})

    def controls(self, told: Told) -> tuple[Control, ...]:
        """Points of standards, and what the checks for each found."""
        from pratique.parties.audit.controls import controls_of  # noqa: PLC0415 - as above

        run = self._run
        # A sentence that names somebody else is not told; that the check found something is.
        found = [
            msgspec.structs.replace(one, sentence=_WITHHELD)
            if self._guard.names_other(one.sentence)
            else one
            for one in run.found
        ]
        return controls_of(run.checks, found, told, party=self._party.name)

    def profile(self, _told: Told) -> tuple[ProfileLine, ...]:
        """What is known of the party; a line that names somebody else is left out."""
        from pratique.parties.audit.model import ProfileLine  # noqa: PLC0415 - as above
        from pratique.parties.profile import observed_lines, profile_of  # noqa: PLC0415 - as above

        observed = observed_lines(self._run.facts, self._party, now=self._now)
        profile = profile_of(
            self._desk.register, self._party.name, now=self._now, observed=observed
        )
        return tuple(
            ProfileLine(
                topic=one.topic,
                answer=one.text,
                standing=one.standing.value,
                entries=one.entries,
            )
            for one in profile.lines
            if not self._guard.names_other(one.text)
        )


# ── the file ─────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _new_file(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A file beside the target that becomes it when all went well; never over something else."""
    if target.exists():
        raise InputError(f"{target} exists already", remedy="choose another name")
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        fd = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL, EVIDENCE_MODE)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from error
    try:
        with os.fdopen(fd, "wb") as out:
            yield aside, out
        os.link(aside, target)
    except FileExistsError:
        raise InputError(f"{target} exists already", remedy="choose another name") from None
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from error
    finally:
        aside.unlink(missing_ok=True)


def _check(file: Path, key: str) -> None:
    """Whatever leaves has been checked as its reader will."""
    from pratique.doors.cli.verify_pack import checked_pack  # noqa: PLC0415 - as above
    from pratique.ledger.errors import BundleError  # noqa: PLC0415 - as above
    from pratique.ledger.notes import parse_verifier  # noqa: PLC0415 - as above

    try:
        checked_pack(file, parse_verifier(key))
    except BundleError as error:
        raise IntegrityError(
            f"the pack would not hold: {error}",
            remedy="check the log first: pratique ledger verify",
        ) from error


# ── PDF ──────────────────────────────────────────────────────────────────────────────────────


def _browser() -> str:
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise InputError(
            "there is no Chromium to make a PDF with",
            expected=f"one of {', '.join(_BROWSERS)} in PATH",
            remedy="leave out --pdf; audit.html prints well",
        )
    return found


def _pdf(browser: str, page: bytes) -> bytes:
    """The page on paper. The page has no script, and nothing of it comes from elsewhere."""
    with tempfile.TemporaryDirectory(prefix="pratique-pdf-") as folder:
        place = Path(folder)
        (place / "audit.html").write_bytes(page)
        command = [
            browser, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={place / 'profile'}", "--no-pdf-header-footer",
            f"--print-to-pdf={place / 'audit.pdf'}", (place / "audit.html").as_uri(),
        ]  # fmt: skip
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium has none for root
        env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "LANG": "C.UTF-8"}
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_PDF_SECONDS, env=env)  # noqa: S603 - no shell
            return (place / "audit.pdf").read_bytes()
        except (subprocess.SubprocessError, OSError) as error:
            raise UnavailableError(
                f"Chromium made no PDF: {type(error).__name__}", remedy="leave out --pdf"
            ) from error


def mapped(file: Path) -> mmap.mmap:
    """A file as memory. Raises: InputError."""
    try:
        with file.open("rb") as opened:
            return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {file}: {error}") from error
