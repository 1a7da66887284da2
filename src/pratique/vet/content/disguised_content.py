"""Rule `disguised-content`: the bytes are something else than the name says.

A pure question of path and form, so it is asked where paths are known: over the whole release.
Source: docs/rules/disguised-content.md.
"""

from __future__ import annotations

from typing import Final

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Severity

NAME: Final = "disguised-content"

RULE = Rule(
    name=NAME,
    title="Content under a false name",
    techniques=("T1036.008", "T1027.009"),
    what="A file's name promises a picture, a certificate, a text or a table; its bytes are a program,"
    " an archive or source code.",
    danger="Such a file passes people, filters and other scanners by its name and is loaded by the few"
    " lines that know better.",
    benign="Test data is misnamed on purpose, and some formats are zips under a name of their own.",
    traits={
        "executable": trait(
            "is a program under another kind's name", Severity.HIGH, Confidence.HIGH
        ),
        "program-as-source": trait(
            "is a program under the name of a Python source", Severity.CRITICAL, Confidence.HIGH
        ),
        "archive": trait(
            "is an archive under another kind's name", Severity.HIGH, Confidence.MEDIUM
        ),
        "python": trait(
            "is Python source under another kind's name", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "script": trait(
            "is a script under another kind's name", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "code-object": trait(
            "is compiled Python or a pickle under another kind's name",
            Severity.HIGH,
            Confidence.HIGH,
        ),
        "encoded": trait(
            "is one encoded text under the name of a readable one",
            Severity.MEDIUM,
            Confidence.MEDIUM,
        ),
        "other": trait("is of another kind than its name says", Severity.LOW, Confidence.LOW),
    },
)

_GROUP: Final[dict[str, str]] = {
    **dict.fromkeys(("elf", "pe", "mach-o", "wasm", "dex", "java-class"), "executable"),
    **dict.fromkeys(
        (
            "zip",
            "gzip",
            "xz",
            "bzip2",
            "zstd",
            "7z",
            "rar",
            "tar",
            "jar",
            "wheel",
            "cab",
            "lz4",
            "lzma",
            "cpio",
        ),
        "archive",
    ),
    **dict.fromkeys(("shell", "script", "node", "perl", "ruby", "pwsh"), "script"),
    **dict.fromkeys(("pyc", "pickle", "torch"), "code-object"),
    **dict.fromkeys(("base64", "hex"), "encoded"),
    "python": "python",
}

# What a name may hold besides plain text (""). A name that is not here promises nothing.
_PROMISED: Final[dict[str, frozenset[str]]] = {
    **{name: frozenset({form}) for name, form in (
        ("png", "png"), ("jpg", "jpeg"), ("jpeg", "jpeg"), ("gif", "gif"), ("ico", "ico"), ("bmp",
        "bmp"), ("webp", "webp"),
        ("tif", "tiff"), ("tiff", "tiff"), ("wav", "wav"), ("mp3", "mp3"), ("ogg", "ogg"), ("flac",
        "flac"), ("mp4", "mp4"),
        ("pdf", "pdf"), ("ttf", "font"), ("otf", "font"), ("woff", "font"), ("woff2", "font"),
    )},
    **dict.fromkeys(("crt", "cer", "pem", "key", "csr", "der", "p7b", "pub"), frozenset({"pem",
    "der", "base64"})),
    **dict.fromkeys(("txt", "md", "rst", "log", "csv", "tsv", "license", "text", "adoc"),
    frozenset({"", "utf-16", "pem"})),
    **dict.fromkeys(("json", "yaml", "yml", "toml", "ini", "cfg", "conf", "xml", "svg", "html",
    "htm", "css", "lock", "po",
                     "properties", "env"), frozenset({"", "utf-16"})),
    **dict.fromkeys(("mo",), frozenset({"gettext"})),
}  # fmt: skip
_PICTURES: Final = frozenset(
    {"png", "jpeg", "gif", "ico", "bmp", "webp", "tiff", "font", "mp3", "ogg", "wav", "mp4", "flac"}
)
_BARE: Final = frozenset(
    {
        "LICENSE",
        "README",
        "COPYING",
        "AUTHORS",
        "NOTICE",
        "CHANGELOG",
        "VERSION",
        "METADATA",
        "RECORD",
    }
)
_MAY_BE_PYTHON: Final = frozenset({"txt", "md", "rst", "cfg", "conf", "text", "adoc", "ini"})
"""Documentation shows source, and configuration is written in it."""


def judge_disguise(path: str, form: str) -> str | None:
    """The trait of a content whose form contradicts its name; None when nothing is promised or broken."""
    name = path.rpartition("/")[2]
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if extension in {"py", "pyw"}:
        return "program-as-source" if _GROUP.get(form) == "executable" else None
    promised = _PROMISED.get(extension)
    if promised is None:
        promised = frozenset({""}) if name in _BARE else None
    if promised is None or form in promised or form == "":
        return None
    group = _GROUP.get(form)
    if group is None:
        # A picture of another kind is a mistake of its maker.
        return None if form in _PICTURES and promised & _PICTURES else "other"
    if group == "python" and extension in _MAY_BE_PYTHON:
        return None
    if group == "script" and extension in _MAY_BE_PYTHON:
        return None
    if group == "script" and extension == "env":
        return None
    if group == "encoded" and extension in {"lock", "env", "cfg", "md", "license", "json"}:
        return None
    return group
