"""The words of vetting: signs, facts, features, findings, reports.

A *sign* is what one analysis saw at one place of one file content. Signs of a content, with its regions
and imports,
are its *facts*: a pure function of (bytes, language, engine version), so they are kept by content hash
and never made
twice. *Reach* is not part of them: when a place runs depends on the release around it and is worked out
anew each time,
so a dormant function that is called one release later is seen. A sign with its path and reach is a
*placed sign*; it
yields *features* (yes/no, `rule:trait@reach`), which the score weighs, and *findings*, which a person reads.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from pratique.policy.model import Verdict

__all__ = ["Verdict"]

ENGINE = "1"
"""Version of everything that turns bytes into facts; a change of it re-runs what was kept."""


class Reach(IntEnum):
    """When a place runs, later numbers with less asking. Comparable: a rise is news."""

    NEVER = 0
    """Nothing that we know of runs it (tests, documentation, data that no code opens)."""
    CALLED = 1
    """Only when the user's code calls it."""
    ENTRY = 2
    """When a console script or `python -m` of the release is started."""
    SUBMODULE = 3
    """When a module is imported that the package's own `__init__` does not import."""
    IMPORT = 4
    """When the package is imported."""
    BUILD = 5
    """When pip builds or installs the file (setup.py, in-tree backend, cmdclass, npm scripts)."""
    STARTUP = 6
    """At every start of the interpreter, unasked (.pth, .start, sitecustomize, usercustomize)."""

    @property
    def word(self) -> str:
        """As in features, JSON and documents: `startup`, `build` and so on."""
        return self.name.lower()


class Language(StrEnum):
    """How a content is to be read. Decided from path and magic; part of the key of its facts."""

    PYTHON = "python"
    PTH = "pth"
    SHELL = "shell"
    POWERSHELL = "powershell"
    JAVASCRIPT = "javascript"
    NOTEBOOK = "notebook"
    PYC = "pyc"
    PICKLE = "pickle"
    NATIVE = "native"
    ARCHIVE = "archive"
    IMAGE = "image"
    AUDIO = "audio"
    METADATA = "metadata"
    TEXT = "text"
    DATA = "data"


class Capability(StrEnum):
    """What code can do; coarse, for people and for policy."""

    NETWORK = "network"
    PROCESS = "process"
    CREDENTIALS = "credentials"
    PERSISTENCE = "persistence"
    DYNAMIC_CODE = "dynamic-code"
    NATIVE = "native"
    FILESYSTEM = "filesystem"
    ENVIRONMENT = "environment"
    SURVEILLANCE = "surveillance"
    """Screen, clipboard, keyboard, camera, microphone."""


class RegionKind(StrEnum):
    """What starts a region."""

    MODULE = "module"
    FUNCTION = "function"
    MAIN = "main"
    """The body under `if __name__ == "__main__"`."""


class Region(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A stretch of code that runs as one: a module's own statements, or one function with all in it."""

    name: str
    """Qualified name (`Class.method`); "" for the module, "__main__" for the main guard."""
    kind: RegionKind
    line: int
    end_line: int
    digest: str
    """16 hex digits over the normalised syntax tree without places: equal code anywhere has an equal
    digest."""
    calls: tuple[str, ...] = ()
    """What it calls or hands on as a callback: dotted names as resolved; a name of this module starts
    with "."
    (`.helper`, `.Class.method`); a class called stands for its `__init__`."""


class Import(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One imported module or name: `from .a import b` in pkg/x.py is module ".a", name "b"."""

    module: str
    name: str = ""
    region: int = 0
    line: int = 0


class Sign(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What one analysis saw at one place of a content.

    `line` is 1-based, `column` 0-based in characters. Texts are safe to print: no control characters,
    secrets masked,
    bounded (`vet.safe_text`).
    """

    rule: str
    trait: str
    """Which variant of the rule; the feature is `rule:trait`."""
    line: int = 0
    column: int = 0
    region: int = 0
    """Index into the content's regions."""
    excerpt: str = ""
    """The source as written, at most 240 characters around the place."""
    shown: str = ""
    """What it comes to after folding and decoding, at most 480 characters."""
    layer: int = 0
    """How many decodings deep it lay: 0 as written."""


class CapabilityUse(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One use of a capability: the callee that gives it."""

    capability: Capability
    name: str
    """What gives it: `subprocess.Popen`."""
    region: int = 0
    line: int = 0


class ContentFacts(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is known of one content, whatever its path: pure function of (bytes, language, ENGINE)."""

    language: Language
    size: int
    """Bytes."""
    form: str = ""
    """What the bytes are by magic, as a short word: `elf`, `pe`, `zip`, `png`, `python` …; "" when plain."""
    parsed: bool = False
    """Whether the content was analysed beyond the gate (a gate without a hit makes that needless)."""
    regions: tuple[Region, ...] = ()
    imports: tuple[Import, ...] = ()
    signs: tuple[Sign, ...] = ()
    uses: tuple[CapabilityUse, ...] = ()
    unfinished: tuple[str, ...] = ()
    """Sentences: what could not be examined and why. Never empty when something was left out; makes
    `unknown`."""
    hits: int = 0
    """What the gate found in a Python source; whether that asks for parsing depends on where it stands."""


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One member of a release file."""

    path: str
    sha256: str
    """Hex, over the whole content."""
    size: int
    language: Language


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a release says of itself (core metadata; package.json for npm)."""

    name: str = ""
    version: str = ""
    summary: str = ""
    description_size: int = 0
    author: str = ""
    author_email: str = ""
    maintainer: str = ""
    license: str = ""
    urls: tuple[str, ...] = ()
    classifiers: int = 0
    requires: tuple[str, ...] = ()
    """Requirement lines as written."""
    entry_points: tuple[str, ...] = ()
    """`group:name = module:attribute`."""
    scripts: tuple[str, ...] = ()
    """Commands that run at install (npm), or scripts put on PATH."""
    build_backend: str = ""
    backend_path: tuple[str, ...] = ()
    build_requires: tuple[str, ...] = ()


class ReleaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one release file; with the contents' facts enough to judge its successor."""

    engine: str
    filename: str
    sha256: str
    kind: str
    """`wheel`, `sdist`, `egg`, `npm`."""
    size: int
    files: tuple[FileEntry, ...]
    metadata: Metadata
    problems: tuple[str, ...] = ()
    """Sentences on what could not be read."""


class PlacedSign(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A sign where it stands in a release, and when that runs."""

    sign: Sign
    path: str
    region: str
    reach: Reach
    how: str = ""
    """Why it runs then, one sentence: `proxy/server.py is imported by litellm/__init__.py:12`."""
    besides: Reach = Reach.NEVER
    """Of what builds run: when it runs in what was installed. A build that imports its package is no
    reason to forget that everybody else imports it, too."""

    @property
    def feature(self) -> str:
        """`rule:trait@reach`."""
        return f"{self.sign.rule}:{self.sign.trait}@{self.reach.word}"


class Severity(StrEnum):
    """How bad it is if it is what it looks like."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Confidence(StrEnum):
    """How sure it is what it looks like."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person should know, checkable at path:line:column."""

    rule: str
    trait: str
    severity: Severity
    confidence: Confidence
    technique: tuple[str, ...]
    """MITRE ATT&CK ids."""
    title: str
    path: str
    line: int
    column: int
    reach: str
    how: str
    excerpt: str
    shown: str
    layer: int
    what: str
    """What it does."""
    danger: str
    """Why that is dangerous."""
    benign: str
    """What honest reason there may be."""
    points: float = 0.0
    """What it adds to the score."""
    decisive: bool = False
    """A hard rule: decides by itself, whatever the score."""


class Regime(StrEnum):
    """Against what a release was judged."""

    DIFF = "diff"
    """An approved predecessor."""
    CLONE = "clone"
    """A popular project that it copies."""
    FIRST = "first"
    """Nothing: absolutely, with context."""


class NewDependency(msgspec.Struct, frozen=True, kw_only=True):
    """A project that a release requires and its predecessor did not, as the index knows it."""

    project: str
    age_days: int | None
    """Since its first upload; None when the index tells none."""


class ProvenanceChange(msgspec.Struct, frozen=True, kw_only=True):
    """In what a release's attestation is worse than that of its predecessor."""

    lost: bool
    """Whether there is none any more; else another publisher attests."""
    sentence: str


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller knows around a file; everything may be unknown."""

    project: str = ""
    version: str = ""
    first_release: bool | None = None
    """Whether the project had no release before this; None when not known."""
    releases_before: int | None = None
    """Other versions that the index had when this file came; None when not known."""
    project_age_days: int | None = None
    """From the project's first upload to that of this file, as the index tells; None when not known."""
    dependencies: tuple[NewDependency, ...] = ()
    """Those that are new against the predecessor, as far as somebody looked them up."""
    provenance: ProvenanceChange | None = None
    """None when nothing got worse, as far as is known."""
    base: str = ""
    """What the base is, for people: `litellm 1.82.6 (wheel)`."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One capability gained or lost against the base, with one example of its use."""

    capability: Capability
    gained: bool
    path: str = ""
    line: int = 0
    name: str = ""
    reach: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What vetting says of one release file."""

    engine: str
    verdict: Verdict
    regime: Regime
    base: str
    score: float
    """Sum of points over the intercept, as a probability between 0 and 1; only comparable within a regime."""
    features: tuple[str, ...]
    findings: tuple[Finding, ...]
    capabilities: tuple[Capability, ...]
    changes: tuple[Change, ...]
    unread: tuple[str, ...]
    """Sentences: what was not examined; not empty means that `clean` was not possible."""
    contents: int = 0
    analysed: int = 0
    """How many of the contents had to be analysed (the others were known, or unchanged)."""
    unweighed: str = ""
    """A sentence: why the score had no say in the verdict, or less; empty when it counted in full."""
