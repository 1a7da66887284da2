"""The policy in force: the policy file and its advisories, compiled, reread when they change.

Asking costs one `stat` of the file, so an edit holds from the very next question. Advisories are
many files and take seconds to read; they are looked at in the background, and the policy in force
stays until the new one is ready. A file that no longer parses never opens or closes anything: the
last good policy stays in force and `problem` says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from pratique.edge.advisories import AdvisorySource, LoadedAdvisories
from pratique.errors import InputError, SettingsError
from pratique.ledger.entries import Draft
from pratique.policy.compile import CompiledPolicy, compile_policy
from pratique.policy.language import Policy, parse_policy

log = logging.getLogger(__name__)

_Stamp = tuple[int, int, int]


class PolicySource:
    """Gives the compiled policy. Used from one event loop."""

    def __init__(
        self,
        path: Path,
        *,
        builtin: tuple[bytes, ...] = (),
        note: Callable[[Draft], None] = lambda _: None,
    ) -> None:
        """Read the policy and its advisories; `builtin` are OSV records that always hold.

        Raises: SettingsError when there is no usable policy: a door without one does not open.
        """
        self._path = path
        self._builtin = builtin
        self._note = note
        self.problem = ""
        """Why the newest policy file is not in force; empty when it is."""
        self._stamp = _stamp(path)
        self._policy = _read(path)
        self._source = self._source_of(self._policy)
        self._loaded = self._load(self._source)
        self._compiled = compile_policy(self._policy, self._loaded.index)
        self._announce()

    def __call__(self) -> CompiledPolicy:
        """The policy in force at this very moment."""
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            self._reread()
        return self._compiled

    async def refresh_advisories(self) -> None:
        """Read advisories again if their folder or archive changed; slow reading in a thread."""
        source = self._source
        if await asyncio.to_thread(source.fingerprint) == self._loaded.fingerprint:
            return
        loaded = await asyncio.to_thread(self._load, source)
        if source is self._source:
            self._loaded = loaded
            self._put_in_force(compile_policy(self._policy, loaded.index))

    def _reread(self) -> None:
        try:
            policy = _read(self._path)
            source = self._source_of(policy)
            if source.paths != self._source.paths:
                # Rare, and worth a pause: a policy must not hold without the advisories it names.
                self._loaded = self._load(source)
        except InputError as error:
            self.problem = error.message
            log.error("policy file cannot be used; the one before stays", extra={"why": str(error)})  # noqa: TRY400 - the sentence says all; a traceback would not help who wrote the file
            return
        self.problem = ""
        self._source = source
        self._policy = policy
        self._put_in_force(compile_policy(policy, self._loaded.index))

    def _put_in_force(self, compiled: CompiledPolicy) -> None:
        if compiled.sha256 == self._compiled.sha256:
            return
        self._compiled = compiled
        self._announce()

    def _announce(self) -> None:
        tables = self._policy.tables
        self._note(
            Draft(
                kind="policy",
                subject="policy",
                actor="door:index",
                body={
                    "sha256": self._compiled.sha256,
                    "mode": tables.mode,
                    "source": "file",
                    "summary": f"cool-down {tables.cool_down.hours:g} h, {len(tables.deny)} deny, "
                    f"{len(tables.allow)} allow, advisories on {len(self._loaded.index.projects)} projects",
                },
            )
        )

    def _source_of(self, policy: Policy) -> AdvisorySource:
        return AdvisorySource(policy, base=self._path.parent, builtin=self._builtin)

    def _load(self, source: AdvisorySource) -> LoadedAdvisories:
        loaded = source.read()
        for warning in loaded.warnings:
            log.warning("advisory left out", extra={"why": warning})
        return loaded


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _read(path: Path) -> Policy:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"cannot read the policy {path}: {error}",
            remedy="`pratique policy check` tells more; docs/reference/policy.md has every key",
        ) from error
    return parse_policy(text, source=path.name)
