"""A complete check of the log in PostgreSQL: every row of its three tables is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pratique.ledger.audit import AuditReport, Findings, Progress, Replay
from pratique.ledger.merkle import HASH_BYTES, TILE_WIDTH, level_width
from pratique.store.postgres_log import CHUNK, ENTRIES, HEAD, TILES, PostgresLog


def audit_postgres(log: PostgresLog, *, progress: Progress) -> AuditReport:
    """Check an open log; opening it has checked the key and the head's signature.

    Raises: LedgerDamagedError when the head itself is damaged.
    """
    findings, replay = Findings(), Replay()
    frontier, note = log.frontier(), log.checkpoint()
    tiles = _Tiles(log, findings)
    while replay.frontier.size < frontier.size:
        start = replay.frontier.size
        rows = log.read_rows(start, min(start + CHUNK, frontier.size))
        for sequence, leaf in rows:
            if sequence != replay.frontier.size:
                break
            first, hashes, completed = replay.feed([leaf], findings, place=ENTRIES)
            tiles.collect(first, {0: hashes, **completed})
        if replay.frontier.size == start or rows[-1][0] >= replay.frontier.size:
            findings.add(ENTRIES, "it is missing", sequence=replay.frontier.size)
            break
        progress(replay.frontier.size, frontier.size)
    else:
        tiles.finish(frontier.size)
        if replay.frontier != frontier:
            findings.add(HEAD, "the entries do not lead to the signed root")
    entries, extra = log.count_beyond(frontier.size)
    if entries:
        findings.add(ENTRIES, f"{entries} entries lie behind the head", sequence=frontier.size)
    if extra:
        findings.add(TILES, f"{extra} tiles lie behind the head", repairable=True)
    return AuditReport(
        origin=log.origin,
        size=frontier.size,
        root=replay.frontier.root(),
        checkpoint=note,
        verifier_key=log.verifier_key(),
        damages=tuple(findings.damages),
        notes=tuple(findings.notes),
    )


class _Tiles:
    """Collects the hashes of each level and compares a tile as soon as it is full."""

    def __init__(self, log: PostgresLog, findings: Findings) -> None:
        self._log = log
        self._findings = findings
        self._rows: dict[int, list[bytes]] = {}
        self._done: dict[int, int] = {}

    def collect(self, _first: int, levels: Mapping[int, Sequence[bytes]]) -> None:
        for level, hashes in levels.items():
            row = self._rows.setdefault(level, [])
            row.extend(hashes)
            while len(row) >= TILE_WIDTH:
                self._compare(level, row[:TILE_WIDTH])
                del row[:TILE_WIDTH]

    def finish(self, size: int) -> None:
        for level, row in self._rows.items():
            if level_width(size, level) % TILE_WIDTH:
                self._compare(level, row)

    def _compare(self, level: int, row: Sequence[bytes]) -> None:
        tile = self._done.get(level, 0)
        self._done[level] = tile + 1
        stored = self._log.read_tile(level, tile)
        if stored == b"".join(row):
            return
        differing = next(
            (
                number
                for number, digest in enumerate(row)
                if stored[number * HASH_BYTES : (number + 1) * HASH_BYTES] != digest
            ),
            len(row),
        )
        self._findings.add(
            TILES,
            f"level {level}, tile {tile}: hash {differing} is not the one of the entries",
            offset=differing * HASH_BYTES,
            sequence=(tile * TILE_WIDTH + differing) << (8 * level),
            repairable=True,
        )
