"""The contents of a release file, one after the other as they arrive: known, unchanged, or analysed now.

Owns: which contents have to be analysed, and the budget for it. Holds one content at a time, but for
metadata, which is small.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from msgspec.structs import replace

from pratique.vet.archives.model import Member, MemberKind, Scanner
from pratique.vet.base import Base, ContentKey, Known
from pratique.vet.content.forms import form_of, language_of
from pratique.vet.examine import READ_AS_PYTHON, examine_other, examine_python, pass_by
from pratique.vet.gate import added_lines, matcher, must_parse, runs_unasked, scan
from pratique.vet.gate_patterns import Hit
from pratique.vet.limits import VetLimits
from pratique.vet.matching import BlockSearch
from pratique.vet.model import ContentFacts, FileEntry, Language, Region
from pratique.vet.release.metadata import is_metadata

CODE = READ_AS_PYTHON | {Language.SHELL, Language.POWERSHELL, Language.JAVASCRIPT, Language.PICKLE}
"""Languages in which a part that was not analysed could do anything."""


class Contents:
    """Takes members; keeps their entries and facts."""

    def __init__(
        self, filename: str, *, base: Base | None, known: Known, limits: VetLimits
    ) -> None:
        self._wheel = filename.endswith((".whl", ".egg"))
        self._base = base
        self._known = known
        self._limits = limits
        self._old: dict[str, FileEntry] = {}
        if base is not None and base.read is not None:
            self._old = {self._plain(entry.path): entry for entry in base.release.files}
        self._parsed_bytes = 0
        self._parsed = 0
        self.entries: dict[str, FileEntry] = {}
        self.facts: dict[ContentKey, ContentFacts] = {}
        """Of every content that was met."""
        self.new: dict[ContentKey, ContentFacts] = {}
        """Those that were made now and are whole: what the store should keep."""
        self.carried: dict[str, ContentFacts] = {}
        """By path: sources whose added lines hold nothing, which do what their predecessor did."""
        self.metadata: dict[str, bytes] = {}
        self._metadata_bytes = 0
        self.analysed = 0
        """How many contents had to be analysed now."""

    def open_scanner(self, path: str) -> Scanner | None:
        """A search through a member that is too large to hold."""
        return BlockSearch(matcher()) if path.endswith((".py", ".pyw", ".pth")) else None

    def take(self, member: Member) -> None:
        """Analyse one member, if that is necessary."""
        if member.kind is not MemberKind.FILE:
            return
        data = member.data if member.data is not None else member.head
        language = language_of(member.path, data)
        key = (member.sha256.hex(), language)
        self._keep_metadata(member.path, data)
        if key not in self.facts or (not self.facts[key].parsed and runs_unasked(member.path)):
            self._get_facts(member, data, key)
        self._enter(member, key)

    # ── facts ────────────────────────────────────────────────────────────────────────────────

    def _get_facts(self, member: Member, data: bytes, key: ContentKey) -> None:
        known = self._base.contents.get(key) if self._base is not None else None
        known = known or self._known(*key)
        if known is not None and (known.parsed or not runs_unasked(member.path)):
            self.facts[key] = known
            return
        if member.data is None:
            facts = self._of_large(member, key[1])
        else:
            facts = self._of_held(member.path, data, key)
        self.facts[key] = facts
        if facts.parsed:
            self.analysed += 1
        if member.path not in self.carried:
            self.new[key] = facts

    def _of_held(self, path: str, data: bytes, key: ContentKey) -> ContentFacts:
        if key[1] in READ_AS_PYTHON:
            return self._of_python(path, data, key, "python")
        form = form_of(data)
        if form == "python":  # under a name that nothing imports, for some loader
            return self._of_python(path, data, key, form)
        return examine_other(data, key[1], form=form, limits=self._limits)

    def _of_python(self, path: str, data: bytes, key: ContentKey, form: str) -> ContentFacts:
        language = key[1]
        found = scan(data)
        unasked = runs_unasked(path)
        if not must_parse(found, unasked=unasked):
            return pass_by(data, found, language, form=form, limits=self._limits)
        if self._adds_nothing(path, data, unasked=unasked):
            return pass_by(data, found, language, form=form, limits=self._limits)
        if not self._can_afford(data):
            facts = pass_by(data, found, language, form=form, limits=self._limits)
            return _with_unfinished(
                facts, "too large or too many to be parsed, though its words say it should"
            )
        return examine_python(data, language, form=form, limits=self._limits)

    def _can_afford(self, data: bytes) -> bool:
        limits = self._limits
        if len(data) > limits.source_bytes or self._parsed >= limits.parsed_contents:
            return False
        if self._parsed_bytes + len(data) > limits.parsed_bytes:
            return False
        self._parsed += 1
        self._parsed_bytes += len(data)
        return True

    def _adds_nothing(self, path: str, data: bytes, *, unasked: bool) -> bool:
        """Whether the lines that were added to the base's content of that path need no parsing."""
        base, entry = self._base, self._old.get(self._plain(path))
        if base is None or base.read is None or entry is None:
            return False
        facts = base.contents.get((entry.sha256, entry.language))
        old = base.read(entry.path) if facts is not None else None
        if (
            facts is None
            or old is None
            or must_parse(scan(added_lines(old, data)), unasked=unasked)
        ):
            return False
        self.carried[path] = facts
        return True

    def _plain(self, path: str) -> str:
        """The path without the folder of an sdist, which names the version."""
        return path if self._wheel else path.partition("/")[2] or path

    def _of_large(self, member: Member, language: Language) -> ContentFacts:
        """Facts of a content that was not held: its beginning, and the gate over all of it."""
        facts = examine_other(member.head, language, form=form_of(member.head), limits=self._limits)
        if language not in CODE:
            return _sized(facts, member.size)
        found = Hit(member.scanner.found()) if isinstance(member.scanner, BlockSearch) else ~Hit(0)
        if must_parse(found, unasked=runs_unasked(member.path)):
            facts = _with_unfinished(facts, "too large to be held and analysed")
        return _sized(facts, member.size)

    # ── entries ──────────────────────────────────────────────────────────────────────────────

    def _enter(self, member: Member, key: ContentKey) -> None:
        """Note a member; of two with one path, which readers may tell apart or not, both count."""
        entry = FileEntry(path=member.path, sha256=key[0], size=member.size, language=key[1])
        other = self.entries.get(member.path)
        if other is not None and other.sha256 != entry.sha256:
            entry = self._both(other, entry)
        self.entries[member.path] = entry

    def _both(self, one: FileEntry, other: FileEntry) -> FileEntry:
        first = self.facts[one.sha256, one.language]
        second = self.facts[other.sha256, other.language]
        digest = hashlib.sha256(f"both {one.sha256} {other.sha256}".encode()).hexdigest()
        language = other.language if first.language not in READ_AS_PYTHON else first.language
        self.facts[digest, language] = self.new[digest, language] = join_facts(
            first, second, language
        )
        return FileEntry(
            path=one.path, sha256=digest, size=one.size + other.size, language=language
        )

    def facts_at(self, entry: FileEntry) -> ContentFacts:
        """Facts of the content at a path, for the view of the release."""
        return self.carried.get(entry.path) or self.facts[entry.sha256, entry.language]

    def _keep_metadata(self, path: str, data: bytes) -> None:
        if not is_metadata(path) or path in self.metadata:
            return
        kept = data[: self._limits.metadata_bytes]
        if self._metadata_bytes + len(kept) <= self._limits.metadata_total_bytes:
            self._metadata_bytes += len(kept)
            self.metadata[path] = kept


def facts_of_old(
    base: Base, contents: Contents, limits: VetLimits
) -> Callable[[FileEntry], ContentFacts]:
    """Facts of the base's contents: as kept, as in the release if unchanged, else made from its archive."""
    made: dict[ContentKey, ContentFacts] = {}

    def facts(entry: FileEntry) -> ContentFacts:
        key = (entry.sha256, entry.language)
        known = base.contents.get(key) or contents.facts.get(key) or made.get(key)
        if known is None:
            data = base.read(entry.path) if base.read is not None else None
            if data is None or entry.language not in READ_AS_PYTHON:
                known = ContentFacts(language=entry.language, size=entry.size)
            else:
                known = examine_python(data, entry.language, form="python", limits=limits)
            made[key] = known
        return known

    return facts


def join_facts(one: ContentFacts, other: ContentFacts, language: Language) -> ContentFacts:
    """Facts of two contents in one place: everything that either has."""
    shift = max(len(one.regions) - 1, 0)

    def moved(region: int) -> int:
        return region + shift if region else 0

    regions: tuple[Region, ...] = one.regions + other.regions[1:] if one.regions else other.regions
    return ContentFacts(
        language=language,
        size=one.size + other.size,
        form=one.form or other.form,
        parsed=one.parsed and other.parsed,
        regions=regions,
        imports=(*one.imports, *(replace(i, region=moved(i.region)) for i in other.imports)),
        signs=(*one.signs, *(replace(s, region=moved(s.region)) for s in other.signs)),
        uses=(*one.uses, *(replace(u, region=moved(u.region)) for u in other.uses)),
        unfinished=(*one.unfinished, *other.unfinished),
    )


def _with_unfinished(facts: ContentFacts, sentence: str) -> ContentFacts:
    return replace(facts, unfinished=(*facts.unfinished, sentence))


def _sized(facts: ContentFacts, size: int) -> ContentFacts:
    return replace(facts, size=size)
