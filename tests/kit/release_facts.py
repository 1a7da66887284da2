"""Releases as facts, made by hand: a few words per file instead of archives."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from pratique.vet.model import (
    ENGINE,
    Capability,
    CapabilityUse,
    ContentFacts,
    FileEntry,
    Import,
    Language,
    Metadata,
    Region,
    RegionKind,
    ReleaseFacts,
    Sign,
)
from pratique.vet.release.view import ReleaseView, open_view

LANGUAGES = {
    ".py": Language.PYTHON,
    ".pth": Language.PTH,
    ".start": Language.PTH,
    ".sh": Language.SHELL,
    ".js": Language.JAVASCRIPT,
    ".so": Language.NATIVE,
    ".pyc": Language.PYC,
    ".pkl": Language.PICKLE,
}


def language_of(path: str) -> Language:
    return next((word for end, word in LANGUAGES.items() if path.endswith(end)), Language.DATA)


def region(name: str = "", *calls: str, digest: str = "", line: int = 1) -> Region:
    """A region; `name` "" is the module, "__main__" the guard."""
    kind = {"": RegionKind.MODULE, "__main__": RegionKind.MAIN}.get(name, RegionKind.FUNCTION)
    body = digest or hashlib.sha256(repr((name, calls)).encode()).hexdigest()[:16]
    return Region(name=name, kind=kind, line=line, end_line=line, digest=body, calls=calls)


def imports(*lines: str) -> tuple[Import, ...]:
    """`pkg.a`, `.a:name`, `.a:name@2` (in region 2)."""
    made = []
    for line in lines:
        text, _, where = line.partition("@")
        module, _, name = text.partition(":")
        made.append(Import(module=module, name=name, region=int(where or 0), line=1))
    return tuple(made)


def sign(
    trait: str = "t", *, shown: str = "", place: int = 0, rule: str = "r", line: int = 1
) -> Sign:
    return Sign(rule=rule, trait=trait, region=place, shown=shown, line=line)


def code(
    *regions: Region,
    uses: Sequence[tuple[Capability, int]] = (),
    needs: Sequence[str] = (),
    signs: Sequence[Sign] = (),
    language: Language = Language.PYTHON,
    form: str = "",
    size: int = 100,
) -> ContentFacts:
    """Facts of a content with those regions (a lone module region when none is given)."""
    return ContentFacts(
        language=language,
        size=size,
        form=form,
        parsed=True,
        regions=regions or (region(),),
        imports=imports(*needs),
        signs=tuple(signs),
        uses=tuple(CapabilityUse(capability=c, name=c.value, region=r, line=1) for c, r in uses),
    )


def view_of(
    files: Mapping[str, ContentFacts],
    *,
    kind: str = "wheel",
    filename: str = "",
    metadata: Metadata | None = None,
    hashes: Mapping[str, str] | None = None,
    problems: tuple[str, ...] = (),
) -> ReleaseView:
    """A release of those files; equal facts are equal contents unless `hashes` says otherwise."""
    given = dict(hashes or {})
    known: dict[tuple[str, str], ContentFacts] = {}
    entries = []
    for path, facts in files.items():
        digest = given.get(path) or hashlib.sha256(repr(facts).encode()).hexdigest()
        known[path, digest] = facts
        entries.append(
            FileEntry(path=path, sha256=digest, size=facts.size, language=facts.language)
        )
    name = filename or {"wheel": "pkg-1.0-py3-none-any.whl", "sdist": "pkg-1.0.tar.gz"}.get(
        kind, "pkg-1.0.tgz"
    )
    release = ReleaseFacts(
        engine=ENGINE,
        filename=name,
        sha256="0" * 64,
        kind=kind,
        size=sum(entry.size for entry in entries),
        files=tuple(entries),
        metadata=metadata or Metadata(name="pkg", version="1.0"),
        problems=problems,
    )
    return open_view(release, lambda entry: known[entry.path, entry.sha256])
