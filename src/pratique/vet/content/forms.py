"""What bytes are by magic, and as which language a member is read.

A table of our own: the libraries for this do not tell the forms that matter here (a pickle in a zip,
Python text under another name, base64 text), or are five times slower
(docs/decisions/0002-dependencies.md).
"""

from __future__ import annotations

import re
from typing import Final

from pratique.vet.model import Language

HEAD: Final = 8 * 1024
"""Bytes looked at; all magics but tar's stand in the first 300, and the look of a text shows in these."""
MIN_ENCODED: Final = 512
"""Characters of base64 or hexadecimal that make a text an encoded one; keys and hashes are shorter."""

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x7fELF", "elf"), (b"MZ", "pe"),
    (b"\xcf\xfa\xed\xfe", "mach-o"), (b"\xce\xfa\xed\xfe", "mach-o"), (b"\xfe\xed\xfa\xcf", "mach-o"),
    (b"\xfe\xed\xfa\xce", "mach-o"), (b"\x00asm", "wasm"), (b"dex\n", "dex"), (b"!<arch>\n",
    "static-library"),
    (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"), (b"\x1f\x8b", "gzip"), (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x04\x22\x4d\x18", "lz4"), (b"\x1f\x9d", "compress"), (b"MSCF", "cab"), (b"\xed\xab\xee\xdb",
    "rpm"),
    (b"LZIP", "lzip"), (b"\x5d\x00\x00", "lzma"), (b"070701", "cpio"),
    (b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"),
    (b"\x00\x00\x01\x00", "ico"), (b"II*\x00", "tiff"), (b"MM\x00*", "tiff"), (b"BM", "bmp"),
    (b"8BPS", "psd"),
    (b"OggS", "ogg"), (b"ID3", "mp3"), (b"\xff\xfb", "mp3"), (b"\xff\xf3", "mp3"), (b"fLaC", "flac"),
    (b"MThd", "midi"), (b"\x1aE\xdf\xa3", "matroska"), (b"%PDF-", "pdf"), (b"SQLite format 3\x00",
    "sqlite"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"), (b"{\\rtf", "rtf"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "lnk"),
    (b"wOFF", "font"), (b"wOF2", "font"), (b"OTTO", "font"), (b"\x00\x01\x00\x00\x00", "font"),
    (b"ttcf", "font"),
    (b"\x93NUMPY", "numpy"), (b"\x89HDF\r\n\x1a\n", "hdf5"), (b"PAR1", "parquet"), (b"ARROW1", "arrow"),
    (b"GGUF", "gguf"), (b"ORC", "orc"), (b"Obj\x01", "avro"), (b"\xde\x12\x04\x95", "gettext"),
    (b"\x95\x04\x12\xde", "gettext"),
    (b"-----BEGIN ", "pem"), (b"TZif", "timezone"), (b"TFL3", "tflite"), (b"glTF", "gltf"),
)  # fmt: skip
_BY_FIRST: Final = {
    first: tuple((m, form) for m, form in _MAGIC if m[0] == first)
    for first in {m[0] for m, _ in _MAGIC}
}
_PYC_MAGIC = re.compile(rb"[\x00-\xff][\x00-\x0f]\r\n")
_PICKLE_HEAD: Final = frozenset({b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"})

_NAMED: Final[dict[str, Language]] = {
    **dict.fromkeys(("py", "pyw", "pyi"), Language.PYTHON),
    **dict.fromkeys(("sh", "bash", "zsh", "ksh", "command", "csh", "fish"), Language.SHELL),
    **dict.fromkeys(("ps1", "psm1", "psd1", "bat", "cmd", "vbs", "vbe", "wsf", "hta"),
    Language.POWERSHELL),
    **dict.fromkeys(("js", "mjs", "cjs", "jsx", "ts", "tsx", "mts", "cts"), Language.JAVASCRIPT),
    **dict.fromkeys(("pyc", "pyo"), Language.PYC),
    **dict.fromkeys(("so", "pyd", "dll", "dylib", "exe", "node", "wasm"), Language.NATIVE),
    "ipynb": Language.NOTEBOOK,
}  # fmt: skip
_METADATA_NAMES: Final = frozenset({
    "METADATA", "PKG-INFO", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt", "requires.txt",
    "setup.cfg",
    "pyproject.toml", "package.json", "MANIFEST.in", "dependency_links.txt", "direct_url.json",
    "SOURCES.txt",
})  # fmt: skip
_OF_FORM: Final[dict[str, Language]] = {
    **dict.fromkeys(("elf", "pe", "mach-o", "wasm", "dex", "java-class", "static-library"),
    Language.NATIVE),
    **dict.fromkeys(
        ("zip", "gzip", "xz", "bzip2", "zstd", "7z", "rar", "tar", "lz4", "compress", "cab", "rpm",
        "lzip", "lzma",
         "cpio", "jar", "wheel"), Language.ARCHIVE),
    **dict.fromkeys(("pickle", "torch"), Language.PICKLE),
    **dict.fromkeys(("png", "jpeg", "gif", "ico", "webp", "tiff", "bmp", "psd"), Language.IMAGE),
    **dict.fromkeys(("wav", "mp3", "ogg", "flac", "midi", "mp4", "avi", "aiff"), Language.AUDIO),
    "pyc": Language.PYC, "shell": Language.SHELL,
    **dict.fromkeys(("pdf", "sqlite", "ole", "font", "numpy", "hdf5", "parquet", "arrow", "gguf",
    "orc", "avro",
                     "gettext", "matroska", "lnk", "timezone", "tflite", "gltf", "base64",
                     "python"), Language.DATA),
}  # fmt: skip


def form_of(head: bytes, tail: bytes = b"") -> str:
    """What the bytes are, as a short word; "" for plain text and for bytes of no known form.

    Shape: `head` is the content or its beginning; `tail` its end when it is not held whole.
    """
    first = head[:HEAD]
    if not first:
        return ""
    for magic, form in _BY_FIRST.get(first[0], ()):
        if first.startswith(magic):
            refined = _refine(form, first, tail or head[-HEAD:])
            if refined:
                return refined
    return _by_structure(first, head) or _by_look(first)


def _refine(form: str, head: bytes, tail: bytes) -> str:
    """Magics of few bytes need a second look; zips are of many kinds."""
    if form == "zip":
        return _kind_of_zip(head, tail)
    if form == "pe":
        offset = int.from_bytes(head[0x3C:0x40], "little")
        whole = len(head) < 0x40 or offset + 4 > len(head)  # noqa: PLR2004 - sizes and counts of that format
        return "pe" if head[offset : offset + 2] == b"PE" or (whole and b"\0" in head[:64]) else ""
    if form == "bmp":
        return "bmp" if len(head) > 26 and head[6:10] == b"\0\0\0\0" else ""  # noqa: PLR2004 - sizes and counts of that format
    if form == "ico":
        return "ico" if 0 < int.from_bytes(head[4:6], "little") < 64 else ""  # noqa: PLR2004 - sizes and counts of that format
    if form == "orc":
        return "orc" if head[3:4] > b"\x7f" or b"\0" in head[:64] else ""
    if form == "lzma":
        return "lzma" if head[5:13] == b"\xff" * 8 or head[9:13] == b"\0" * 4 else ""
    return form


def _kind_of_zip(head: bytes, tail: bytes) -> str:
    both = head + tail
    if b"/data.pkl" in both and (b"/version" in both or b"/byteorder" in both or b"/data/" in both):
        return "torch"
    if b"META-INF/MANIFEST.MF" in both:
        return "jar"
    return "wheel" if b".dist-info/RECORD" in both else "zip"


def _by_structure(first: bytes, whole: bytes) -> str:
    if first.startswith(b"\xca\xfe\xba\xbe"):
        # A universal Mach-O counts its architectures where a Java class has its version.
        return "mach-o" if int.from_bytes(first[4:8], "big") < 32 else "java-class"  # noqa: PLR2004 - sizes and counts of that format
    if first[:4] == b"RIFF" or first[:4] == b"FORM":
        return {b"WAVE": "wav", b"WEBP": "webp", b"AVI ": "avi", b"AIFF": "aiff"}.get(
            first[8:12], ""
        )
    if first[4:8] == b"ftyp":
        return "mp4"
    if first[257:262] == b"ustar":
        return "tar"
    if (
        first[:2] in _PICKLE_HEAD
        and (len(first) < HEAD or whole.endswith(b"."))
        and b"." in whole[-2:]
    ):
        return "pickle"
    if first[:2] in _PICKLE_HEAD and first[2:3] in b"\x95}]cK(X\x8c":
        return "pickle"
    if (
        first[:1] in b"c("
        and first[:64].count(b"\n") >= 2  # noqa: PLR2004 - sizes and counts of that format
        and b"\n" in whole[:200]
        and whole.rstrip().endswith(b".")
    ):
        return "pickle" if _PICKLE_TEXT.match(first) else ""
    if len(first) > 16 and _PYC_MAGIC.match(first) and first[0:1] not in b"\t\n\r ":  # noqa: PLR2004 - sizes and counts of that format
        return "pyc"
    if first[:2] == b"0\x82" and first[4:5] in b"0\x02":
        return "der"
    return ""


_PICKLE_TEXT = re.compile(rb"\(*[cd]?(?:[\w.]+\n[\w.]+\n|dp0|lp0)")
_SHEBANG = re.compile(
    rb"#![^\n]{0,120}?(python|pypy|bash|zsh|ksh|dash|sh|node|perl|ruby|pwsh|fish|tclsh)"
    rb"[0-9.]{0,6}\b"
)
_STRONG = re.compile(
    rb"^(?:import [\w.]+(?: as \w+)?(?:[;,\s]|$)|from [\w.]+ import [\w*(]|def \w+\(|class \w+[(:]|exec\()",
    re.MULTILINE,
)
_PYTHONIC = re.compile(
    rb"(?:[ \t]|#|@|import |from |def |class |if |elif |else:|for |while |try:|except|finally:"
    rb"|with |return|raise |"
    rb"print\(|\w[\w.\[\]'\"]{0,60} ?[+\-|]?= ?|\w[\w.]{0,80}\(|[)\]}]|\"\"\"|'''|pass$|async "
    rb"|await |global |assert )"
)
_BASE64_CHARACTERS: Final = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_\r\n"
)
_HEX_CHARACTERS: Final = b"0123456789abcdefABCDEF\r\n"


def _by_look(first: bytes) -> str:
    """Text that is something else than prose."""
    if first[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "utf-16"
    if first[:2] == b"#!":
        return _of_shebang(first)
    if b"\0" in first:
        odd, even = first[1:200:2], first[0:200:2]
        wide = odd.count(0) > len(odd) * 3 // 4 or even.count(0) > len(even) * 3 // 4
        return "utf-16" if wide and first.count(0) < len(first) * 3 // 5 else ""
    if len(first) >= MIN_ENCODED:
        if not first.translate(None, _HEX_CHARACTERS):
            return "hex"
        if not first.translate(None, _BASE64_CHARACTERS) and _mixed(first):
            return "base64"
    return "python" if looks_like_python(first) else ""


def _mixed(text: bytes) -> bool:
    sample = text[:MIN_ENCODED]
    return (
        sample.upper() != sample and sample.lower() != sample and any(48 <= c <= 57 for c in sample)  # noqa: PLR2004 - sizes and counts of that format
    )


def _of_shebang(first: bytes) -> str:
    match = _SHEBANG.match(first)
    if match is None:
        return "script"
    name = match[1].decode()
    if name in {"python", "pypy"}:
        return "python"
    return "shell" if name in {"bash", "zsh", "ksh", "dash", "sh", "fish"} else name


def looks_like_python(head: bytes) -> bool:
    """Whether text reads as Python source: definitions or imports, and hardly a line of anything else."""
    head = head[:HEAD]
    if _STRONG.search(head) is None:
        return False
    lines = [line for line in head.splitlines()[:200] if line.strip()]
    if len(head) == HEAD and len(lines) > 1:
        lines.pop()
    fitting = sum(1 for line in lines if _PYTHONIC.match(line))
    return fitting >= len(lines) * 0.9 and not head.lstrip().startswith((b"<", b"{"))


_SCRIPTS: Final = {"python": Language.PYTHON, "shell": Language.SHELL, "node": Language.JAVASCRIPT,
                   "pwsh": Language.POWERSHELL}  # fmt: skip
_IMPORT_LINE = re.compile(rb"(?:^|[\r\n])\s?import[ \t]")


def language_of(path: str, head: bytes) -> Language:
    """As what a member is read: by its name where that makes somebody run it, otherwise by its bytes.

    A source under a name that nothing imports (`.txt`, `.png`) is `data`; its form says `python`.
    """
    name = path.rpartition("/")[2]
    stem, dot, extension = name.rpartition(".")
    extension = extension.lower() if dot and (stem or len(path) > len(name)) else ""
    if extension in {"pth", "start"}:
        return _of_pth(head)
    named = _NAMED.get(extension)
    if named is not None and not (
        named is Language.NATIVE and form_of(head) not in {"", *_NATIVE_FORMS}
    ):
        return named
    if name in _METADATA_NAMES:
        return Language.METADATA
    form = form_of(head)
    if head.startswith(b"#!") and form in _SCRIPTS:
        return _SCRIPTS[form]
    if form in _OF_FORM:
        return _OF_FORM[form]
    return Language.DATA if b"\0" in head[:HEAD] else Language.TEXT


_NATIVE_FORMS: Final = frozenset({"elf", "pe", "mach-o", "wasm"})


def form_of_source(head: bytes) -> str:
    """The form of what is named like a Python source: `python`, unless it begins as a program does.

    It is read as Python all the same: old interpreters run what stands before a zero byte.
    """
    if b"\0" not in head[:HEAD]:
        return "python"
    form = form_of(head)
    return form if form in _NATIVE_FORMS else "python"


def _of_pth(head: bytes) -> Language:
    """A path file, unless it is a model's weights: those hold no line that the interpreter would run."""
    form = form_of(head)
    if form in {"torch", "zip", "pickle", "tar"} or (b"\0" in head[:HEAD] and form != "utf-16"):
        if _IMPORT_LINE.search(head):
            return Language.PTH
        return _OF_FORM.get(form, Language.DATA)
    return Language.PTH
