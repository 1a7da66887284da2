"""Rule `opaque-blob`: encoded or encrypted stretches, and data behind the end of pictures and sounds.

Source: docs/rules/opaque-blob.md; the WAV files of the telnyx releases of March 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.vet.analyses.kit import ContentAnalysis, Rule, trait
from pratique.vet.content.blobs import OPAQUE, entropy, find_blobs
from pratique.vet.content.containers import appended, sound_data
from pratique.vet.content.forms import form_of
from pratique.vet.model import Confidence, Language, Severity, Sign
from pratique.vet.safe_text import printable

NAME: Final = "opaque-blob"
MIN_OPAQUE: Final = 4 * 1024
"""Bytes of a file without a form that are judged by their entropy."""
MIN_APPENDED: Final = 64
"""Bytes behind the end of a picture; some programs leave padding."""
_NOISE: Final = 7.97
"""Bits per byte of a sound: sampled sound repeats itself, encrypted data does not."""

_MEDIUM, _HIGH, _LOW = Confidence.MEDIUM, Confidence.HIGH, Confidence.LOW

RULE = Rule(
    name=NAME,
    title="Data that hides what it is",
    techniques=("T1027", "T1027.003", "T1027.009", "T1027.013"),
    what="Holds a long encoded stretch, data of no known form, or bytes behind the end of a picture or"
    " sound, where no program but one that knows of them looks.",
    danger="Payloads travel so: nothing in the file looks like code until a small loader decodes it.",
    benign="Pictures and fonts in text, test vectors, certificates and trained models are encoded too;"
    " pictures and certificates are told apart and not reported.",
    traits={
        "encoded-executable": trait("holds an executable as text", Severity.CRITICAL, _HIGH),
        "encoded-python": trait("holds Python source as encoded text", Severity.HIGH, _HIGH),
        "encoded-code-object": trait("holds compiled Python as text", Severity.CRITICAL, _HIGH),
        "encoded-script": trait("holds a script as encoded text", Severity.HIGH, _HIGH),
        "encoded-pickle": trait("holds a pickle as text", Severity.MEDIUM, _MEDIUM),
        "encoded-archive": trait("holds an archive as text", Severity.MEDIUM, _MEDIUM),
        "encoded-opaque": trait("holds encoded bytes of no known form", Severity.MEDIUM, _LOW),
        "encoded-twice": trait("holds text that is encoded several times", Severity.HIGH, _HIGH),
        "opaque-data": trait(
            "is encrypted or compressed data of no known form", Severity.LOW, _LOW
        ),
        "appended-data": trait(
            "has data behind the end of its picture or sound", Severity.MEDIUM, _MEDIUM
        ),
        "appended-code": trait(
            "has an archive, a program or source behind the end of its picture or sound",
            Severity.CRITICAL,
            _HIGH,
        ),
        "sound-is-text": trait("is a sound whose samples are text", Severity.CRITICAL, _HIGH),
        "sound-is-noise": trait("is a sound whose samples look encrypted", Severity.MEDIUM, _LOW),
        "sound-is-code": trait(
            "is a sound whose samples hold an archive, a program or source",
            Severity.CRITICAL,
            _HIGH,
        ),
    },
)

_BY_CONTENT: Final = {
    "executable": "encoded-executable",
    "python": "encoded-python",
    "code-object": "encoded-code-object",
    "script": "encoded-script",
    "pickle": "encoded-pickle",
    "archive": "encoded-archive",
    "opaque": "encoded-opaque",
}
_TEXTUAL: Final = frozenset({
    Language.PYTHON, Language.PTH, Language.SHELL, Language.POWERSHELL, Language.JAVASCRIPT,
    Language.TEXT, Language.DATA,
})  # fmt: skip
_CODE_FORMS: Final = frozenset({"zip", "elf", "pe", "mach-o", "python", "shell", "gzip", "7z",
    "rar", "wheel", "jar", "xz",
                                "script", "base64", "hex", "pickle", "tar", "zstd"})  # fmt: skip


def find_opaque(data: bytes, language: Language) -> Iterator[Sign]:
    """Look where the language says that data could hide."""
    if language in {Language.IMAGE, Language.AUDIO}:
        yield from _behind_the_end(data)
    if language is Language.AUDIO:
        yield from _in_samples(data)
    if language in _TEXTUAL and b"\0" not in data[:4096]:
        yield from _encoded(data)
    elif language is Language.DATA and len(data) >= MIN_OPAQUE and not form_of(data):
        bits = entropy(data)
        if bits > OPAQUE:
            yield _sign("opaque-data", 0, f"{len(data):,} bytes with {bits:.2f} bits per byte")


def _encoded(data: bytes) -> Iterator[Sign]:
    line, counted = 1, 0
    for blob in find_blobs(data):
        kind = _BY_CONTENT.get(blob.holds)
        if kind is None and blob.encodings < 2:  # noqa: PLR2004 - once is common, twice has a purpose
            continue
        line += data.count(b"\n", counted, blob.start)
        counted = blob.start
        inner = printable(blob.sample, 120)
        shown = f"{blob.size:,} encoded characters: {blob.holds or 'text'}: {inner}"
        column = blob.start - (data.rfind(b"\n", 0, blob.start) + 1)
        if kind is not None:
            yield _sign(kind, line, shown, column=column, layer=blob.layers)
        if blob.encodings >= 2:  # noqa: PLR2004 - once is common, twice has a purpose
            yield _sign("encoded-twice", line, shown, column=column, layer=blob.layers)


def _behind_the_end(data: bytes) -> Iterator[Sign]:
    rest = appended(data)
    if len(rest.strip(b"\0 \r\n\t\xff")) < MIN_APPENDED:
        return
    form = form_of(rest)
    kind = "appended-code" if form in _CODE_FORMS else "appended-data"
    sample = printable(rest[:100], 120)
    yield _sign(kind, 0, f"{len(rest):,} bytes behind the end: {form or 'data'}: {sample}")


def _in_samples(data: bytes) -> Iterator[Sign]:
    samples = sound_data(data)
    if len(samples) < MIN_OPAQUE:
        return
    sample = samples[: 64 * 1024]
    text = (
        sum(sample.count(byte) for byte in b"\t\r\n")
        + len(sample)
        - len(sample.translate(None, _PRINTABLE))
    )
    form = form_of(samples)
    if form in _CODE_FORMS - {"base64", "hex"}:
        yield _sign("sound-is-code", 0, f"samples are: {form}")
    elif text > len(sample) * 0.99:
        yield _sign("sound-is-text", 0, printable(samples[:100], 120))
    elif (bits := entropy(samples)) > _NOISE:
        yield _sign(
            "sound-is-noise", 0, f"{len(samples):,} bytes of samples with {bits:.2f} bits per byte"
        )


_PRINTABLE: Final = bytes(range(32, 127))


def _sign(kind: str, line: int, shown: str, *, column: int = 0, layer: int = 0) -> Sign:
    return Sign(
        rule=NAME, trait=kind, line=line, column=column, shown=printable(shown), layer=layer
    )


ANALYSIS = ContentAnalysis(
    rule=RULE, languages=_TEXTUAL | {Language.IMAGE, Language.AUDIO}, run=find_opaque
)
