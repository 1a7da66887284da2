import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from evals import cache, measure, report, store
from evals.cases import FIRST, MALICIOUS, PAIRS, Bytes, Case, Maker, all_cases, choose
from evals.lists import Archive, Half
from evals.measure import Result, judge
from evals.peers.running import Answer, Peer, fitting_name, memory_folder
from evals.places import ROOT, EvalsError
from kit.vetters import SlowVetter, WordVetter


def case(name: str, *, group: str = FIRST, new: Archive | None = None) -> Case:
    return Case(group=group, name=name, cluster=name[0], half=Half.CHECK, new=new)


def made(data: bytes) -> Bytes:
    return Bytes(data=data, filename="x-1.tar.gz", old=None, hostile=False)


def test_a_crash_of_the_vetter_is_unknown_and_told() -> None:
    result = judge(case("a"), made(b"CRASH"), WordVetter(), [])
    assert result.verdict == "unknown"
    assert result.error == "ValueError: it broke"


@pytest.mark.slow
def test_what_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "SECONDS", 1)
    result = judge(case("a"), made(b""), SlowVetter(), [])
    assert result.verdict == "unknown"
    assert "longer than 1 s" in result.error


def test_a_case_without_bytes_is_skipped_and_not_counted() -> None:
    result = judge(case("a"), None, WordVetter(), [])
    assert result.skipped
    assert report.figures([result])["shares"] == {}


def keep(number: int, word: bytes) -> Archive:
    archive = Archive(
        sha256=f"{number:064x}",
        size=len(word),
        filename=f"p{number}-1.tar.gz",
        date="",
        origin="file",
    )
    cache.put(archive, word)
    return archive


@pytest.mark.slow
def test_workers_judge_every_case_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRATIQUE_EVALS_CACHE", str(tmp_path))
    words = [b"BAD", b"fine", b"CRASH", b"BAD too"]
    cases = [case(f"c{n}", new=keep(n, word)) for n, word in enumerate(words)]
    results = sorted(measure.measure(cases, jobs=2, vetter=WordVetter), key=lambda r: r.name)
    assert [r.verdict for r in results] == ["malicious", "clean", "unknown", "malicious"]


@pytest.mark.slow
def test_what_a_worker_cannot_do_ends_the_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRATIQUE_EVALS_CACHE", str(tmp_path))
    missing = Archive(sha256="f" * 64, size=1, filename="gone-1.tar.gz", date="", origin="file")
    with pytest.raises(RuntimeError, match=r"gone-1\.tar\.gz"):
        list(measure.measure([case("a", new=missing)], jobs=1, vetter=WordVetter))


STOPPED = """
import sys
from kit.vetters import WordVetter
from evals.cases import Case, FIRST
from evals.lists import Half
from evals.measure import measure
from evals.lists import Archive
if __name__ == "__main__":
    new = Archive(sha256="0" * 63 + "1", size=4, filename="p1-1.tar.gz", date="", origin="file")
    cases = [
        Case(group=FIRST, name=str(n), cluster="c", half=Half.CHECK, new=new) for n in range(5000)
    ]
    running = measure(cases, jobs=2, vetter=WordVetter)
    next(running)
    raise KeyboardInterrupt
"""


@pytest.mark.slow
def test_what_is_stopped_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRATIQUE_EVALS_CACHE", str(tmp_path))
    keep(1, b"fine")
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "", "PRATIQUE_EVALS_CACHE": str(tmp_path), "PYTHONPATH": f"{ROOT}:{ROOT}/tests"},
    )  # fmt: skip
    assert "KeyboardInterrupt" in done.stderr


@pytest.mark.slow
def test_a_draw_is_a_prefix_of_a_larger_draw_of_each_part() -> None:
    cases = [c for c in all_cases() if c.group in {MALICIOUS, PAIRS}]
    small, large = choose(cases, size=5), choose(cases, size=20)
    assert {c.name for c in small} < {c.name for c in large}
    assert len(small) == 15
    assert len({(c.group, c.name) for c in all_cases()}) == len(all_cases())


def test_a_benign_case_is_made_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRATIQUE_EVALS_CACHE", str(tmp_path))
    maker = Maker()
    found = maker.make(case("a", new=keep(1, b"old bytes")))
    maker.close()
    assert found == Bytes(data=b"old bytes", filename="p1-1.tar.gz", old=None, hostile=False)


# ── results ──────────────────────────────────────────────────────────────────────────────────


def result(
    name: str, *, group: str, verdict: str, seconds: float = 0.1, cluster: str = ""
) -> Result:
    answer = Answer(
        seconds=1.0, error="", levels={"score>=5": verdict == "clean", "score>=7": False}
    )
    return Result(
        group=group, name=name, cluster=cluster or name, half="check", part="", rule="", packed=1_000_000,
        verdict=verdict, seconds=seconds, rules=("word",), peers={"guarddog": answer},
    )  # fmt: skip


RESULTS = [
    result("m1", group=MALICIOUS, verdict="malicious"),
    result("m2", group=MALICIOUS, verdict="suspicious"),
    result("m3", group=MALICIOUS, verdict="clean"),
    result("m4", group=MALICIOUS, verdict="unknown"),
    result("f1", group=FIRST, verdict="clean", cluster="p"),
    result("f2", group=FIRST, verdict="suspicious", cluster="p", seconds=0.3),
]


def test_figures_count_tiers_misses_clusters_and_cost() -> None:
    made_of = report.figures(RESULTS)
    recall = made_of["shares"][MALICIOUS]
    assert recall["pratique malicious"]["text"].startswith("25.0% (1/4;")
    assert recall["pratique malicious+suspicious"]["hits"] == 2
    assert recall["guarddog score>=5"]["hits"] == 1
    wrong = made_of["shares"][FIRST]["pratique malicious+suspicious"]
    assert (wrong["hits"], wrong["clusters"]["hits"], wrong["clusters"]["total"]) == (1, 1, 1)
    assert [line.split()[1] for line in made_of["misses"][MALICIOUS]] == ["m3", "m4"]
    assert made_of["misses"][FIRST] == ["p  f2  suspicious  [word]"]
    assert made_of["unknown"] == ["malicious: m4"]
    assert made_of["cpu"][FIRST]["pratique"]["mb_per_second"] == 5.0
    assert made_of["cpu"][FIRST]["guarddog"]["times_pratique"] == {"median": 10.0, "mean": 5.0}


def test_both_forms_of_the_report_say_the_same() -> None:
    full = {"what": "6 cases", "engine": "e", "results": "r.jsonl", **report.figures(RESULTS)}
    text = report.render_text(full)
    assert "development figures" in text
    assert full["shares"][MALICIOUS]["pratique malicious"]["text"] in text
    assert json.loads(report.render_json(full)) == full


def test_a_torn_line_is_dropped_and_the_rest_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRATIQUE_EVALS_CACHE", str(tmp_path))
    first = store.Store("s")
    assert list(first.keep(RESULTS)) == RESULTS
    first.path.write_bytes(first.path.read_bytes()[:-20])
    again = store.Store("s")
    assert list(again.results.values()) == RESULTS[:-1]
    cases = [case("f1"), case("f2")]
    assert [c.name for c in again.missing(cases)] == ["f2"]
    assert again.of(cases) == [RESULTS[4]]


# ── peers ────────────────────────────────────────────────────────────────────────────────────


def test_peers_see_a_name_that_tells_the_truth() -> None:
    zipped = io.BytesIO()
    zipfile.ZipFile(zipped, "w").close()
    packed = zipped.getvalue() + b"PK"
    assert fitting_name(b"PK\x03\x04", "a-1.tar.gz", zip_ending=".zip") == "a-1.zip"
    assert fitting_name(b"\x1f\x8b", "a-1-py3-none-any.whl", zip_ending=".zip").endswith(
        "any.tar.gz"
    )
    assert fitting_name(packed, "a-1.whl", zip_ending=".zip") == "a-1.zip"


def test_a_peer_that_ends_is_told_and_leaves_nothing_in_memory() -> None:
    memory = memory_folder()
    try:
        with Peer(
            "guarddog", Path(sys.executable), memory
        ) as peer:  # this environment has no GuardDog
            with pytest.raises(EvalsError, match="guarddog"):
                peer.ask(b"inert", "a-1.tar.gz")
            assert not list(memory.rglob("a-1*"))
        assert list(memory.iterdir()) == []
    finally:
        memory.rmdir()


def command(*words: str, cache_folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PATH": "", "PRATIQUE_EVALS_CACHE": str(cache_folder)},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evals.run", "--groups", "nonsense"], "expected --groups of malicious"),
        (["evals.run", "--peers", "nonsense"], "expected --peers of guarddog, hexora"),
        (["evals.choose"], "PRATIQUE_EVALS_REPOS"),
        (["evals.popular"], "PRATIQUE_EVALS_SOURCES"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(words: list[str], said: str, tmp_path: Path) -> None:
    done = command(*words, cache_folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_what_is_missing_is_printed_for_pip(tmp_path: Path) -> None:
    done = command("evals.collect", "--missing", cache_folder=tmp_path)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert len(lines) > 500
    assert all(
        re.fullmatch(r"[a-z0-9-]+==[0-9.a-z+!]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines
    )
