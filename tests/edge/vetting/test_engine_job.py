"""The real engine behind the real wall says what it says in front of it."""

from __future__ import annotations

import asyncio
import io
import random
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pratique.edge.vetting.options import PoolOptions
from pratique.edge.vetting.outcomes import unpack
from pratique.edge.vetting.sync import SyncVettingPool, VetJob
from pratique.policy.model import Verdict
from pratique.vet.engine import ContentKey, facts_of, vet_archive
from pratique.vet.exchange import BaseFacts, StoredContent, Vetted
from pratique.vet.facts import encode_content, encode_release
from pratique.vet.model import Context, Language, Regime

HONEST = "def add(one, two):\n    return one + two\n"
DECODES = "import base64\nexec(base64.b64decode('cHJpbnQoInRoaXMgaXMgb25seSBhIHRlc3QiKQ=='))\n"
"""Prints a sentence; shaped like what hides worse."""
METADATA = "Metadata-Version: 2.1\nName: {0}\nVersion: {1}\n"


def wheel(version: str, members: Mapping[str, str | bytes], *, name: str = "shape") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(path, text)
        archive.writestr(f"{name}-{version}.dist-info/METADATA", METADATA.format(name, version))
        archive.writestr(f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\n")
    return target.getvalue()


def sdist(version: str, members: Mapping[str, str]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for path, text in {**members, "PKG-INFO": METADATA.format("shape", version)}.items():
            about = tarfile.TarInfo(f"shape-{version}/{path}")
            content = text.encode()
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return target.getvalue()


@pytest.fixture(scope="module")
def pool() -> Iterator[SyncVettingPool]:
    with SyncVettingPool(PoolOptions(workers=1)) as opened:
        yield opened


OLD = wheel("1.0", {"shape/__init__.py": HONEST, "shape/more.py": HONEST * 20})
NEW = wheel(
    "1.1",
    {"shape/__init__.py": HONEST + DECODES, "shape/more.py": HONEST * 20, "shape.pth": DECODES},
)
ARCHIVES = {
    "shape-1.0-py3-none-any.whl": OLD,
    "shape-1.1-py3-none-any.whl": NEW,
    "shape-1.0.tar.gz": sdist("1.0", {"setup.py": DECODES, "shape/__init__.py": HONEST}),
    "codecs-1.0-py3-none-any.whl": wheel(
        "1.0",
        {
            f"codecs_/{codec}.py": f"# -*- coding: {codec} -*-\nx = 1\n".encode()
            for codec in (
                "latin-1",
                "koi8-r",
                "gb18030",
                "shift_jis",
                "cp1252",
                "nonsense",
                "rot13",
            )
        },
        name="codecs",
    ),
    "broken-1.0.tar.gz": b"not an archive at all",
    "cut-1.0-py3-none-any.whl": NEW[: len(NEW) // 2],
    "empty-1.0-py3-none-any.whl": b"",
}


@pytest.mark.slow
@pytest.mark.parametrize("filename", sorted(ARCHIVES))
def test_a_worker_says_what_the_engine_says(pool: SyncVettingPool, filename: str) -> None:
    data = ARCHIVES[filename]
    context = Context(project="shape", first_release=True)
    expected = vet_archive(data, filename, context=context)
    vetted = pool.vet(VetJob(filename=filename, data=data, context=context))
    assert vetted.failure == ""
    assert vetted.report == expected.report
    outcome = unpack(vetted)
    assert outcome is not None
    assert outcome.release == expected.release
    assert outcome.new == expected.new


def base_of(vetted: Vetted, key: str) -> BaseFacts:
    return BaseFacts(key=key, release=vetted.release, contents=vetted.new)


@pytest.mark.parametrize("with_archive", [False, True])
def test_a_release_is_judged_against_its_base(
    pool: SyncVettingPool, tmp_path: Path, with_archive: bool
) -> None:
    old, new = "shape-1.0-py3-none-any.whl", "shape-1.1-py3-none-any.whl"
    (tmp_path / old).write_bytes(OLD)
    base = base_of(pool.vet(VetJob(filename=old, data=OLD)), f"base-{with_archive}")
    vetted = pool.vet(
        VetJob(
            filename=new,
            data=NEW,
            base=base,
            base_archive=tmp_path / old if with_archive else None,
        )
    )
    assert vetted.failure == ""
    assert vetted.report.regime is Regime.DIFF
    assert vetted.report.verdict is Verdict.MALICIOUS
    if with_archive:
        known = vet_archive(NEW, new, base=facts_of(OLD, old))
        assert vetted.report == known.report
    same = pool.vet(VetJob(filename=old, data=OLD, base=base))
    assert same.report.verdict is Verdict.CLEAN
    assert same.report.analysed == 0


def test_facts_that_are_kept_are_asked_for_and_not_made_again(pool: SyncVettingPool) -> None:
    filename = "shape-1.1-py3-none-any.whl"
    first = pool.vet(VetJob(filename=filename, data=NEW))
    kept = {(c.sha256, c.language): c.facts for c in first.new}
    asked: list[ContentKey] = []

    async def known(keys: tuple[ContentKey, ...]) -> Mapping[ContentKey, bytes]:
        asked.extend(keys)
        return {key: kept[key] for key in keys if key in kept}

    again = pool.vet(VetJob(filename=filename, data=NEW, known=known))
    assert again.new == ()
    assert asked
    assert again.report.verdict is first.report.verdict
    assert again.report.findings == first.report.findings


def test_a_base_of_another_engine_is_refused(pool: SyncVettingPool) -> None:
    base = BaseFacts(key="other", release=b"pratique-facts 0\n", contents=())
    vetted = pool.vet(VetJob(filename="shape-1.0.tar.gz", data=b"", base=base))
    assert "vetting failed with ValueError" in vetted.failure
    assert vetted.report.verdict is Verdict.UNKNOWN


@pytest.mark.slow
def test_many_are_vetted_and_each_gets_its_own_answer() -> None:
    chance = random.Random(7)
    jobs = []
    for number in range(24):
        filename = chance.choice(sorted(ARCHIVES))
        data = ARCHIVES[filename]
        jobs.append(
            VetJob(
                filename=filename,
                data=(lambda given=data: given) if number % 2 else data,
                key=number,
            )
        )
    with SyncVettingPool(PoolOptions(workers=2, jobs_per_worker=8)) as pool:
        seen = {}
        for job, vetted in pool.map(iter(jobs)):
            assert job.key not in seen
            seen[job.key] = vetted
            expected = vet_archive(ARCHIVES[job.filename], job.filename).report
            assert vetted.report == expected
        assert set(seen) == set(range(24))
        assert pool.status().jobs == 24
        # Whoever stops looking leaves nothing behind.
        next(pool.map(iter(jobs)))
        assert pool.vet(jobs[0]).failure == ""


def test_hostile_archives_end_as_unknown(pool: SyncVettingPool) -> None:
    bomb = wheel("1.0", {"shape/zeros.bin": bytes(200 << 20)})
    for data in (bomb, OLD[: len(OLD) // 2]):
        vetted = pool.vet(VetJob(filename="shape-1.0-py3-none-any.whl", data=data))
        assert vetted.report.verdict is Verdict.UNKNOWN
        assert vetted.report.unread
    assert pool.vet(VetJob(filename="shape-1.0-py3-none-any.whl", data=OLD)).failure == ""


async def test_the_facade_is_not_for_event_loops() -> None:
    with pytest.raises(AssertionError, match="running event loop"), SyncVettingPool():
        pass
    await asyncio.sleep(0)


@pytest.mark.slow
def test_contents_of_a_base_are_what_the_store_keeps() -> None:
    base = facts_of(OLD, "shape-1.0-py3-none-any.whl")
    contents = tuple(
        StoredContent(sha256=sha256, language=language, facts=encode_content(facts))
        for (sha256, language), facts in base.contents.items()
    )
    assert {c.language for c in contents} >= {Language.PYTHON}
    assert (
        BaseFacts(key="k", release=encode_release(base.release), contents=contents).clone is False
    )
