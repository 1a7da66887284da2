"""Marks: what they cost when serving and marking, and whom they name.

Run: .venv/bin/python benchmarks/custody_marks.py [--small]
One door serves one marked object to two leases in turns of milliseconds (paired.py), one that reads its own
copy and one that reads canonical bytes (TLS). A lease's Parquet file is put together and, beside it, decoded
and encoded anew by pyarrow. Marking JSON Lines is compared with SHA-256 of the same bytes. Leaks are made of
copies: 1 % of the records, shuffled and written anew, of 10,000 leases; then three copies mixed.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from custody_ground import BUCKET, MIB, ground, signed
from custody_read import KINDS, Kind, Served, leased, ours, spans
from harness import Report, arguments, run_main, scratch
from kit.marks import as_jsonl, mark, some_records
from paired import Asking, Compared, compare
from pratique.custody.codewords import Positions, codewords
from pratique.custody.marks.index import IndexBuilder, Place, Reading, parse_index, read_record
from pratique.custody.marks.jsonl import choose
from pratique.custody.marks.layout import Layout, Stretch, parse_layout
from pratique.custody.marks.tardos import DEFAULT_BOUND, attribute
from pratique.custody.model import Copy, ObjectId, StoredObject
from pratique.custody.views import VARIANT, View
from pratique.edge.custody.marking import JsonlMarker, Made
from pratique.edge.custody.parquet_marking import mark_parquet

KEY = b"benchmark of marks, not a secret"
LEASES = 10_000
SHARE = 0.03
SENTENCES = 16
"""Of a record: some 1,300 bytes, as in dialogs."""
OBJECT = ObjectId("ab" * 16)
TIMES = {"64 KiB": 8, "1 MiB": 2, "64 MiB": 1}
"""What each connection asks in one turn: some 10 ms of CPU, a tenth of a second for the largest."""


def cpu_of(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def median(rounds: int, work: Callable[[], object]) -> float:
    return statistics.median(cpu_of(work) for _ in range(rounds))


class AnyKey(JsonlMarker):
    """Lines, whatever the object's key is."""

    def __init__(self) -> None:
        super().__init__(SHARE)

    def takes(self, stored: StoredObject) -> bool:
        return stored.size > 0


def serving(report: Report, folder: Path, *, small: bool) -> None:
    size = (24 if small else 128) * MIB
    data = as_jsonl(some_records(size // 1200, sentences=SENTENCES), compact=True)
    with ground(folder / "home", tls=True) as made:
        made.put("object", data)
        marked = mark(made, share=SHARE, markers=[AnyKey()])
        report.notes.append(
            f"serving: {len(data) / MIB:.0f} MiB, {marked.run.count if marked.run else 0:,} marks, "
            f"{marked.second_bytes / len(data):.2%} of second forms"
        )
        with ours(made, bare=False) as served:
            plain = leased(made, served, len(data))
            own = leased(made, served, len(data))
            assert plain.lease is not None
            canonical = made.grant(
                budget_bytes=2 * len(data), budget_objects=1000, copy=Copy.CANONICAL
            )
            plain = replace(plain, lease=canonical)
            for kind in KINDS:
                asked = spans(kind, len(data), first=False)
                if not asked:
                    continue
                found = _paired(plain, own, kind, asked, seconds=2 if small else 40)
                report.row(f"serving {kind.name}, canonical, µs", found.one)
                report.row(f"serving {kind.name}, own copy, µs", found.other)
                report.at_least(f"marked against unmarked, {kind.name}", found.ratio, 0.99)
                report.notes.append(
                    f"{kind.name}: {found.turns} turns each, half of their ratios between "
                    f"{found.low:.3f} and {found.high:.3f}"
                )


def _paired(
    plain: Served, own: Served, kind: Kind, asked: list[str], *, seconds: float
) -> Compared:
    """The same ranges under both leases, in turns of some milliseconds."""
    askings = []
    for served in (plain, own):
        assert served.lease is not None
        lines = []
        for span in asked:
            heads = dict(signed(served.url, "object", *served.lease, span))
            text = "".join(f"{name}: {value}\r\n" for name, value in heads.items())
            lines.append(f"GET /{BUCKET}/object HTTP/1.1\r\n{text}\r\n".encode())
        askings.append(Asking(served.url, lines, min(kind.connections, len(asked))))
    one, other = askings
    try:
        return compare(one, other, plain.cpu, times=TIMES[kind.name], seconds=seconds)
    finally:
        one.close()
        other.close()


def laid_over(view: View, first: bytes, second: bytes) -> bytes:
    whole = bytearray(first)
    for start, end, source, offset in view.overlays(0, len(first)):
        data = second if source == VARIANT else view.inline
        whole[start:end] = data[offset : offset + end - start]
    return bytes(whole)


def parquet(report: Report, *, small: bool) -> None:
    rows = 20_000 if small else 200_000
    table = pa.Table.from_pylist(some_records(rows))
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=rows // 40, compression="zstd")
    data = sink.getvalue()
    index = IndexBuilder(b"s" * 16, first=0)
    made: list[Made] = []
    marking = cpu_of(lambda: made.append(mark_parquet(data, OBJECT, index, share=SHARE)))
    layout = parse_layout(made[0].layout.render()) if made[0].layout is not None else None
    assert layout is not None
    second = bytes(made[0].second)
    rng = random.Random(1)
    bits = bytes(rng.getrandbits(1) for _ in range(index.next_mark))
    view = layout.view(bits, len(data))
    copy = laid_over(view, data, second)
    assert pq.read_table(io.BytesIO(copy)).num_rows == rows

    def encoded() -> None:
        out = io.BytesIO()
        pq.write_table(
            pq.read_table(io.BytesIO(data)), out, row_group_size=rows // 40, compression="zstd"
        )

    footer = median(5, lambda: layout.view(bits, len(data)))
    assembly = median(5, lambda: laid_over(layout.view(bits, len(data)), data, second))
    again = median(3, encoded)
    report.row("Parquet: a lease's footer, ms", footer * 1e3)
    report.row("Parquet: a lease's whole file, ms", assembly * 1e3)
    report.row("Parquet: decoded and encoded anew, ms", again * 1e3)
    report.row("Parquet: marking once, ms", marking * 1e3)
    report.at_most("a lease's Parquet against encoding anew", assembly / again, 0.10)
    report.notes.append(
        f"Parquet: {rows:,} rows, {len(data) / MIB:.1f} MiB, {index.next_mark} marked row groups, "
        f"{len(second) / len(data):.0%} of second forms"
    )


def marking(report: Report, *, small: bool) -> None:
    for sentences in (4, SENTENCES):
        for compact in (True, False):
            data = as_jsonl(
                some_records(8_000 if small else 60_000, sentences=sentences), compact=compact
            )
            rng = random.Random(2)
            sha = median(5, partial(hashlib.sha256, data))
            found: list[int] = []

            def work(
                data: bytes = data, found: list[int] = found, rng: random.Random = rng
            ) -> None:
                index = IndexBuilder(b"s" * 16, first=0)
                for begin, form in choose(data, share=SHARE, most=10**9, draw=rng.random):
                    if not form.is_number and index.is_new(form.first_text):
                        number = index.add_mark(Place(OBJECT, begin, begin + 1))
                        index.add_text(number, form.first_text, form.second_text)
                found.append(index.next_mark)

            spent = median(3, work)
            size = data.count(b"\n")
            what = f"{len(data) / size:.0f} B a record, {'compact' if compact else 'with blanks'}"
            report.row(f"marking, {what}: µs a mark", spent / found[-1] * 1e6)
            report.at_most(f"marking against SHA-256, {what}", spent / sha, 1.5)


def sample_of_copy(report: Report, *, small: bool) -> None:
    """One record in a hundred of one lease's copy, shuffled and written anew."""
    count, share = (60_000, 0.2) if small else (300_000, 0.05)
    data = as_jsonl(some_records(count), compact=True)
    index = IndexBuilder(b"s" * 16, first=0)
    second, stretches = bytearray(), []
    rng = random.Random(3)
    for begin, form in choose(data, share=share, most=10**9, draw=rng.random):
        if form.is_number or not index.is_new(form.first_text):
            continue
        start = begin + form.start
        number = index.add_mark(Place(OBJECT, start, start + 1))
        index.add_text(number, form.first_text, form.second_text)
        stretches.append(Stretch(number, start, len(form.other)))
        second += form.other
    leases = [f"PQL{number:05}" for number in range(LEASES)]
    positions = Positions(KEY, range(index.next_mark))
    layout, parsed = Layout(stretches), parse_index(index.render())
    right = wrong = readable = 0
    tries = 3 if small else 6
    for turn in range(tries):
        rng = random.Random(turn)
        guilty = rng.choice(leases)
        ((_, bits),) = codewords(KEY, [guilty], positions)
        copy = laid_over(layout.view(bits, len(data)), data, bytes(second))
        lines = rng.sample(copy.splitlines(), count // 100)
        leak = [
            json.loads(json.dumps(json.loads(line), indent=1, sort_keys=True)) for line in lines
        ]
        reading = Reading(parsed)
        for record in leak:
            read_record([reading], record)
        seen = reading.bits()
        places = Positions(KEY, tuple(seen))
        words = tuple(codewords(KEY, leases, places))
        outcome = attribute(bytes(seen.values()), places.biases, words, leases=LEASES)
        named = {one.lease for one in outcome.named}
        right += guilty in named
        wrong += len(named - {guilty})
        readable += len(seen)
        if outcome.named and max(one.false_accusation for one in outcome.named) > DEFAULT_BOUND:
            wrong += 1
    report.row("1 % of a copy: readable marks, on average", readable / tries)
    report.at_least("1 % samples that name their lease among 10,000", right / tries, 1.0)
    report.at_most("innocent leases named by 1 % samples", wrong, 0)


def _mixed(bits: Sequence[int], how: str, at: int, rng: random.Random) -> int:
    """What those who mix their copies leave of one mark; where all agree they have no choice."""
    ones = sum(bits)
    if ones in {0, len(bits)}:
        return bits[0]
    if how == "in turns":
        return bits[at * 12 // 1024 % len(bits)]  # a block of records of each
    if how == "uneven":
        return rng.choices(bits, (70, 15, 15))[0]
    always = {"ones": 1, "zeros": 0, "minority": ones == 1, "majority": ones > 1}
    return int(always[how]) if how in always else rng.choice(bits)


def mixed_copies(report: Report, *, small: bool) -> None:
    """Three copies, mixed by several strategies; 1,024 of 50,000 marks can be read."""
    leases = [f"PQL{number:05}" for number in range(LEASES)]
    wrong, least, tries = 0, 1.0, 1 if small else 4
    for how in ("random", "minority", "majority", "ones", "zeros", "in turns", "uneven"):
        some = every = 0
        for turn in range(tries):
            rng = random.Random(f"{how}{turn}")
            positions = Positions(KEY, rng.sample(range(50_000), 1024))
            words = tuple(codewords(KEY, leases, positions))
            guilty = rng.sample(range(LEASES), 3)
            mixed = zip(*(words[one][1] for one in guilty), strict=True)
            leak = bytes(_mixed(bits, how, at, rng) for at, bits in enumerate(mixed))
            outcome = attribute(leak, positions.biases, words, leases=LEASES)
            named = {one.lease for one in outcome.named}
            right = named & {leases[one] for one in guilty}
            some, every = some + bool(right), every + (len(right) == 3)
            wrong += len(named - right)
            if outcome.named and max(one.false_accusation for one in outcome.named) > DEFAULT_BOUND:
                wrong += 1
        report.row(f"3 mixed copies, {how}: all three named", f"{every} of {tries}")
        least = min(least, some / tries)
    report.at_least("3 mixed copies, 1,024 marks: somebody named, whatever the mix", least, 1.0)
    report.at_most("innocent leases named by mixed copies", wrong, 0)


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(name="custody_marks", small=options.small, columns=("what", "measured"))
    mixed_copies(report, small=options.small)
    sample_of_copy(report, small=options.small)
    marking(report, small=options.small)
    parquet(report, small=options.small)
    with scratch() as folder:
        serving(report, folder, small=options.small)
    return report.finish()


if __name__ == "__main__":
    run_main(main)
