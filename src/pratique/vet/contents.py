"""The contents of a release file, one after the other as they arrive: known, unchanged, or analysed now.

Owns: which contents have to be analysed, and the budget for it. Holds one content at a time, but for
metadata, which is small.
"""

from __future__ import annotations

import hashlib
from functools import cached_property

from msgspec.structs import replace

from pratique.vet.added_imports import added_imports, runs_at_once
from pratique.vet.archives.model import Member, MemberKind, Scanner
from pratique.vet.base import Base, ContentKey, Known
from pratique.vet.collector import SWEEP_BYTES, sweep
from pratique.vet.content.forms import form_of, form_of_source, language_of
from pratique.vet.content.hidden_text import GIANT, giant
from pratique.vet.deferred import Deferred, PutOff
from pratique.vet.examine import READ_AS_PYTHON, examine_other, examine_python, pass_by
from pratique.vet.gate import (
    DEEDS,
    QUIET_FIRST_BYTES,
    Standing,
    added_lines,
    adds_something,
    matcher,
    may_start,
    must_parse,
    names_in,
    scan,
    standing_of,
    strength,
)
from pratique.vet.gate_words import Hit
from pratique.vet.joined import join_facts
from pratique.vet.limits import VetLimits
from pratique.vet.line_changes import compare_lines
from pratique.vet.links import Links
from pratique.vet.loaded import Loaded, loaded_by, module_path
from pratique.vet.matching import BlockSearch
from pratique.vet.model import ContentFacts, FileEntry, Language
from pratique.vet.quiet_changes import leave_rest_as_it_was
from pratique.vet.release.clones import Clone, clone_of, prefix_of, shipped_index
from pratique.vet.release.metadata import is_metadata

CODE = READ_AS_PYTHON | {Language.SHELL, Language.POWERSHELL, Language.JAVASCRIPT, Language.PICKLE}
"""Languages in which a part that was not analysed could do anything."""


class Contents:
    """Takes members; keeps their entries and facts."""

    def __init__(
        self, filename: str, *, base: Base | None, known: Known, limits: VetLimits
    ) -> None:
        self._wheel = filename.endswith((".whl", ".egg"))
        self._project = filename.partition("-")[0].lower()
        self._base = base
        self._known = known
        self._limits = limits
        self._old: dict[str, FileEntry] = {}
        if base is not None:
            self._old = {self.plain(entry.path): entry for entry in base.release.files}
        self._last_old: tuple[str, tuple[ContentFacts | None, bytes | None]] = ("", (None, None))
        """Path and answer: several questions are asked of one file in a row."""
        self._parsed_bytes = 0
        self._parsed = 0
        self._deferred = Deferred(most_bytes=limits.deferred_bytes)
        self._metadata_bytes = 0
        self.entries: dict[str, FileEntry] = {}
        self.facts: dict[ContentKey, ContentFacts] = {}
        """Of every content that was met."""
        self.new: dict[ContentKey, ContentFacts] = {}
        """Those that were made now and are whole: what the store should keep."""
        self.carried: dict[str, ContentFacts] = {}
        """By path: sources of which at most what changed was read; the rest is as in the base."""
        self._changed: set[str] = set()
        """Paths of those of which something was read anew."""
        self._partial: set[ContentKey] = set()
        """Contents whose facts hold for one path only: they were made from what the base has there."""
        self._again: list[FileEntry] = []
        """Other contents of paths that were there before."""
        self.original: Clone | None = None
        """The popular project that a first release copies."""
        self.copied: frozenset[str] = frozenset()
        """Hashes of the sources that it took from there unchanged."""
        self.links = Links()
        self.metadata: dict[str, bytes] = {}
        self.analysed = 0
        """How many contents had to be analysed now."""

    def open_scanner(self, path: str) -> Scanner | None:
        """A search through a member that is too large to hold."""
        return BlockSearch(matcher()) if path.endswith((".py", ".pyw", ".pth")) else None

    def take(self, member: Member) -> None:
        """Analyse one member, if that is necessary."""
        if member.kind is not MemberKind.FILE:
            self.links.take(member)
            return
        data = member.data if member.data is not None else member.head
        language = language_of(member.path, data)
        key = (member.sha256.hex(), language)
        self._keep_metadata(member.path, data)
        if key in self._partial or not self._enough(self.facts.get(key), member.path):
            self._get_facts(member, data, key)
        self._enter(member, key)

    def settle(self, project: str) -> None:
        """Parse what was put off: of a copied project all that was changed, else the most suspicious.

        Call it after the last `take`; `project` is the normalised name of the release's project.
        """
        if self._base is None:
            self._find_original(project)
        left = self._limits.chosen_bytes
        for one in self._deferred.take_all():
            changed = bool(self.copied) and one.key[0] not in self.copied
            if self.facts[one.key].parsed or not (changed or left > 0):
                continue
            left -= 0 if changed else len(one.data)
            self._note(one.path, one.key, self._parse(one.data, one.key, one.form))
        for entry in self._again:
            self.entries[entry.path] = self._both(self.entries[entry.path], entry)
        self._wake()
        self.entries.update(self.links.follow(self.entries, self._reads_alike))

    def _reads_alike(self, path: str, entry: FileEntry) -> bool:
        """Whether the facts of a content say all that is needed of it at another path, too."""
        same = language_of(path, b"") is entry.language
        return same and self._enough(self.facts_at(entry), path)

    def _wake(self) -> None:
        """Parse unchanged sources that were never worth it, and that a changed one newly imports.

        Their bytes went by; the base's archive has the same ones.
        """
        base = self._base
        wanted = self._new_imports() if base is not None else ()
        if base is None or not wanted:
            return
        for entry in tuple(self.entries.values()):
            facts = self.facts_at(entry)
            old = self._old.get(self.plain(entry.path))
            same = entry.path in self.carried or (entry.sha256, entry.language) in base.contents
            asleep = not facts.parsed and entry.language in READ_AS_PYTHON
            named = module_path(entry.path).endswith(wanted)
            if named and same and old is not None and asleep and Hit(facts.hits) & DEEDS:
                self._wake_one(entry, old, facts)

    def _wake_one(self, entry: FileEntry, old: FileEntry, facts: ContentFacts) -> None:
        """What the release has there is what the base has, or that and lines without a deed."""
        key = (old.sha256, old.language)
        _, data = self._old_content(entry.path)
        if data is None:
            sentence = "it is newly imported, and its bytes are not at hand to be read again"
            facts = _with_unfinished(facts, sentence)
        else:
            facts = self._parse(data, key, facts.form)
        self.analysed += facts.parsed
        if entry.path in self.carried:
            self.carried[entry.path] = facts
        else:
            self.facts[key] = facts
        if data is not None:
            self.new[key] = facts

    def _new_imports(self) -> tuple[str, ...]:
        """How the paths of modules end that sources parsed now import, and their predecessors did not."""
        ends: set[str] = set()
        for entry in self.entries.values():
            changed = entry.path in self._changed
            facts = self.new.get((entry.sha256, entry.language))
            facts = self.carried[entry.path] if changed else facts
            if facts is None or not (facts.parsed or changed):
                continue
            if entry.path in self.carried and not changed:
                continue
            old, _ = self._old_content(entry.path)
            before = {(item.module, item.name) for item in old.imports} if old else set()
            for item in facts.imports:
                if (item.module, item.name) not in before:
                    module = "/" + item.module.lstrip(".").replace(".", "/")
                    ends |= {module, f"{module.rstrip('/')}/{item.name}"}
        return tuple(sorted(ends - {"/"}))

    def _find_original(self, project: str) -> None:
        index = shipped_index()
        self.original = clone_of(self.entries.values(), project, index)
        if self.original is None:
            return
        owner = next(i for i, one in enumerate(index.projects) if one.name == self.original.project)
        self.copied = frozenset(
            entry.sha256
            for entry in self.entries.values()
            if owner in index.owners(prefix_of(entry.sha256))
        )

    # ── facts ────────────────────────────────────────────────────────────────────────────────

    def _standing(self, path: str) -> Standing:
        return standing_of(path, self._project)

    def _enough(self, facts: ContentFacts | None, path: str) -> bool:
        """Whether known facts say all that is needed of a content at that path."""
        if facts is None or facts.parsed:
            return facts is not None
        return not must_parse(Hit(facts.hits), self._standing(path))

    def _get_facts(self, member: Member, data: bytes, key: ContentKey) -> None:
        known = self._base.contents.get(key) if self._base is not None else None
        if known is not None:
            # Unchanged: what the base was approved with is all that counts.
            self.facts[key] = known
            return
        known = self._known(*key)
        if known is not None and self._enough(known, member.path):
            self.facts[key] = known
        elif member.data is None:
            self._note(member.path, key, self._of_large(member, key[1]))
        elif key[1] in READ_AS_PYTHON:
            self._note(
                member.path, key, self._of_python(member.path, data, key, form_of_source(data))
            )
        else:
            form = form_of(data)
            if form == "python":  # under a name that nothing imports, for some loader
                facts = self._of_python(member.path + "!", data, key, form)
            else:
                facts = examine_other(data, key[1], form=form, limits=self._limits)
            self._note(member.path, key, facts)

    def _note(self, path: str, key: ContentKey, facts: ContentFacts) -> None:
        self.facts[key] = facts
        self.analysed += facts.parsed
        if path in self.carried:
            self._partial.add(key)
        else:
            self._partial.discard(key)
            self.new[key] = facts

    def _of_python(self, path: str, data: bytes, key: ContentKey, form: str) -> ContentFacts:
        found = scan(data)
        standing = self._standing(path)
        if not must_parse(found, standing):
            if self._starts_something(path, data, found, standing):
                return self._parse(data, key, form, found)
        elif found & Hit.ODD or not self._adds_nothing(path, data, standing):
            if standing is Standing.UNASKED or self._base is not None or self._is_cheap(data):
                return self._parse(data, key, form, found)
            self._deferred.add(
                PutOff(strength=strength(found), path=path, data=data, key=key, form=form)
            )
        return pass_by(data, found, key[1], form=form, limits=self._limits)

    def _is_cheap(self, data: bytes) -> bool:
        return self._parsed_bytes + len(data) <= self._limits.first_bytes

    def _parse(
        self, data: bytes, key: ContentKey, form: str, found: Hit | None = None
    ) -> ContentFacts:
        limits = self._limits
        small = len(data) <= limits.source_bytes and self._parsed < limits.parsed_contents
        if not small or self._parsed_bytes + len(data) > limits.parsed_bytes:
            hits = scan(data) if found is None else found
            facts = pass_by(data, hits, key[1], form=form, limits=limits)
            return _with_unfinished(facts, "too large, or one of too many, to be parsed")
        self._parsed += 1
        if (self._parsed_bytes + len(data)) // SWEEP_BYTES > self._parsed_bytes // SWEEP_BYTES:
            sweep()
        self._parsed_bytes += len(data)
        return examine_python(data, key[1], form=form, limits=limits)

    def _adds_nothing(self, path: str, data: bytes, standing: Standing) -> bool:
        """Whether the lines that were added to the base's content of that path need no parsing."""
        if path in self.entries:
            return False  # a second content there: what is carried is of the first
        facts, old = self._old_content(path)
        changes = compare_lines(old, data) if facts is not None and old is not None else None
        if facts is None or old is None or changes is None:
            return False
        if self._is_news(changes.added_text(), facts, data, standing):
            return False
        if not leave_rest_as_it_was(changes, facts, self._loaded.names):
            return False
        return self._carry(path, facts, old, data)

    def _is_news(self, added: bytes, facts: ContentFacts, data: bytes, standing: Standing) -> bool:
        """Whether anything could be seen in lines that were added to a source, or set off by them."""
        if not added.strip():
            return False
        calls = b"(" in added or b"@" in added
        if adds_something(scan(added)) or (calls and standing is Standing.UNASKED):
            return True
        if self._loaded.called_in(names_in(added), facts, aliased=calls and b" as " in data):
            return True
        return calls and self._loaded.new_modules_in(added)

    def _carry(self, path: str, facts: ContentFacts, old: bytes, data: bytes) -> bool:
        """Take the base's facts and the imports that were added: these alone may set off a module."""
        news = added_imports(old, data, self._limits.imports_per_content)
        if not runs_at_once(data, [item for item in news if self._loaded.is_own(item.module)]):
            return False
        if news:
            facts = replace(facts, imports=(*facts.imports, *news))
            self._changed.add(path)
        self.carried[path] = facts
        return True

    def _starts_something(self, path: str, data: bytes, found: Hit, standing: Standing) -> bool:
        """Whether a source without deeds may set off what another one holds, and did not before."""
        if not may_start(found, standing, len(data)):
            return False
        if self._base is None:
            return len(data) <= QUIET_FIRST_BYTES and self._is_cheap(data)
        facts, old = self._old_content(path)
        if facts is None:
            return True
        names = names_in(added_lines(old or b"", data))
        return self._loaded.called_in(names, facts, aliased=b" as " in data)

    def _old_content(self, path: str) -> tuple[ContentFacts | None, bytes | None]:
        """What the base has at that path: facts, and bytes where the archive is at hand."""
        if path == self._last_old[0]:
            return self._last_old[1]
        base, entry = self._base, self._old.get(self.plain(path))
        found: tuple[ContentFacts | None, bytes | None] = (None, None)
        if base is not None and entry is not None:
            facts = base.contents.get((entry.sha256, entry.language))
            found = facts, base.read(entry.path) if base.read is not None else None
        self._last_old = (path, found)
        return found

    @cached_property
    def _loaded(self) -> Loaded:
        return loaded_by(self._base)

    def plain(self, path: str) -> str:
        """The path without the folder of an sdist, which names the version."""
        return path if self._wheel else path.partition("/")[2] or path

    def _of_large(self, member: Member, language: Language) -> ContentFacts:
        """Facts of a content that was not held: its beginning, and the gate over all of it."""
        facts = examine_other(member.head, language, form=form_of(member.head), limits=self._limits)
        if language in CODE:
            searched = isinstance(member.scanner, BlockSearch)
            found = Hit(member.scanner.found()) if searched else ~Hit(0)  # type: ignore[union-attr] # as `searched` says
            if must_parse(found, self._standing(member.path)):
                facts = _with_unfinished(facts, "too large to be held and analysed")
            if language is Language.PYTHON and member.size > GIANT and found & Hit.EXECUTE:
                sign = giant(member.size, "executes what it computes")
                facts = replace(facts, signs=(*facts.signs, sign))
        return replace(facts, size=member.size)

    # ── entries ──────────────────────────────────────────────────────────────────────────────

    def _enter(self, member: Member, key: ContentKey) -> None:
        """Note a member; of two with one path, which readers may tell apart or not, both count."""
        entry = FileEntry(path=member.path, sha256=key[0], size=member.size, language=key[1])
        other = self.entries.get(member.path)
        if other is None or other.sha256 == entry.sha256:
            self.entries[member.path] = entry
        else:
            self._again.append(entry)  # both are joined when neither waits to be parsed

    def _both(self, one: FileEntry, other: FileEntry) -> FileEntry:
        first = self.facts_at(one)
        self.carried.pop(one.path, None)
        second = self.facts[other.sha256, other.language]
        digest = hashlib.sha256(f"both {one.sha256} {other.sha256}".encode()).hexdigest()
        language = other.language if first.language not in READ_AS_PYTHON else first.language
        self.facts[digest, language] = self.new[digest, language] = join_facts(
            first, second, language
        )
        return FileEntry(
            path=one.path, sha256=digest, size=one.size + other.size, language=language
        )

    def parsed_paths(self) -> frozenset[str]:
        """Plain paths of the sources that were parsed."""
        return frozenset(
            self.plain(entry.path)
            for entry in self.entries.values()
            if entry.language in READ_AS_PYTHON and self.facts_at(entry).parsed
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


def _with_unfinished(facts: ContentFacts, sentence: str) -> ContentFacts:
    return replace(facts, unfinished=(*facts.unfinished, sentence))
