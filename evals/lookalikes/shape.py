"""A look-alike as a value: which members of a real release it adds or edits, and in which form it is packed.

Paths are as installed (`litellm/proxy/proxy_server.py`); in an sdist they are found below its root.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from evals import trees
from evals.trees import Files

WHEEL, SDIST = "wheel", "sdist"
FORMS = (WHEEL, SDIST)
ENDINGS = {WHEEL: "-py3-none-any.whl", SDIST: ".tar.gz"}
_ROOTS = ("", "src/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One member made or changed."""

    path: str
    data: bytes
    before: str = ""
    """A line of the member that the data goes in front of; "" with `new` off: at its end."""
    new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookalike:
    """One disguise of one incident."""

    incident: str
    name: str
    project: str
    base: str
    """Version of the last good release."""
    version: str
    """Version that it pretends to be."""
    edits: tuple[Edit, ...]
    lain: tuple[Edit, ...] = ()
    """What the predecessor already had: code that slept there."""
    alone: bool = False
    """Whether it is a first release, without a predecessor: what a poisoned release newly requires."""
    shape: bool = False
    """Whether it is the incident as published; otherwise one of its disguises."""
    first: str = ""
    """How the path of the first finding begins: where a person should look."""


def added(path: str, data: str | bytes) -> Edit:
    """A new member."""
    return Edit(path=path, data=_bytes(data), new=True)


def inserted(path: str, before: str, text: str) -> Edit:
    """Text in front of the first line that begins so."""
    return Edit(path=path, data=_bytes(text), before=before)


def appended(path: str, text: str) -> Edit:
    """Text at the end of a member."""
    return Edit(path=path, data=b"\n\n" + _bytes(text))


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def filename(project: str, version: str, form: str) -> str:
    """Of a release file."""
    return f"{project.replace('-', '_')}-{version}{ENDINGS[form]}"


def predecessor(one: Lookalike, base: bytes, form: str) -> tuple[bytes, str]:
    """The release before it: the real one, with what already slept there."""
    name = filename(one.project, one.base, form)
    if not one.lain:
        return base, name
    files = _edited(trees.unpack(base, name), one.lain, form)
    return trees.pack(_recorded(files), name), name


def make(one: Lookalike, base: bytes, form: str) -> tuple[bytes, str]:
    """The look-alike as a release file: the predecessor under the next version, and the edits."""
    files = _bare(one, form) if one.alone else _next(one, base, form)
    files = _edited(files, one.edits, form)
    name = filename(one.project, one.version, form)
    return trees.pack(_recorded(files), name), name


def _next(one: Lookalike, base: bytes, form: str) -> Files:
    """The predecessor's members under the next version."""
    return _raised(trees.unpack(*predecessor(one, base, form)), one)


def _bare(one: Lookalike, form: str) -> Files:
    """A release without code."""
    stem = f"{one.project.replace('-', '_')}-{one.version}"
    text = (
        f"Metadata-Version: 2.1\nName: {one.project}\nVersion: {one.version}\nSummary: Runtime.\n"
    )
    if form == SDIST:
        return {f"{stem}/PKG-INFO": text.encode()}
    info = f"{stem}.dist-info"
    wheel = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    return {f"{info}/METADATA": text.encode(), f"{info}/WHEEL": wheel, f"{info}/RECORD": b""}


def _edited(files: Files, edits: tuple[Edit, ...], form: str) -> Files:
    made = dict(files)
    for edit in edits:
        path = _place(made, edit, form)
        made[path] = edit.data if edit.new else _changed(made[path], edit)
    return made


def _place(files: Mapping[str, bytes], edit: Edit, form: str) -> str:
    """Where a path as installed lies in the archive."""
    if form == WHEEL:
        return edit.path
    top = next(iter(files)).split("/")[0]
    package = edit.path.split("/")[0]
    for root in _ROOTS:
        beside = f"{top}/{root}{package}/"
        if "/" in edit.path and any(path.startswith(beside) for path in files):
            return f"{top}/{root}{edit.path}"
    return f"{top}/{edit.path}"


def _changed(data: bytes, edit: Edit) -> bytes:
    if not edit.before:
        return data.rstrip() + b"\n" + edit.data
    found = re.search(rb"^" + re.escape(edit.before.encode()), data, re.MULTILINE)
    if found is None:
        raise ValueError(f"expected a line beginning {edit.before!r} in {edit.path}")
    return data[: found.start()] + edit.data + b"\n" + data[found.start() :]


def _raised(files: Files, one: Lookalike) -> Files:
    """With the next version in the names of folders and in metadata."""
    stem = one.project.replace("-", "_")
    made = {}
    for path, data in files.items():
        moved = path.replace(f"{stem}-{one.base}", f"{stem}-{one.version}", 1)
        told = path.endswith((".dist-info/METADATA", "PKG-INFO"))
        made[moved] = _metadata(data, one) if told else data
    return made


def _metadata(data: bytes, one: Lookalike) -> bytes:
    version = f"Version: {one.version}".encode()
    return data.replace(f"Version: {one.base}".encode(), version, 1)


def _recorded(files: Files) -> Files:
    own = next((path for path in files if path.endswith(".dist-info/RECORD")), None)
    return {**files, own: trees.record(files, own)} if own else files
