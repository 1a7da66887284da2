"""A made fleet: who had which release, from when to when, and what lay open from there.

Seeded: the same sizes give the same rows, and the answers are counted while they are made, so that a
benchmark can check what it measures. Rows go straight into the real SQLite tables, in the order of
their keys; a ledger of as many entries lies beside them, so that the command line can be asked too.

Per asset some 540 rows of presence: 300 packages that are there, and what they replaced (each change
is two rows: what was known before it and after it). Names are as popular as in the wild (Zipf, 0.8).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from harness import TOOLS
from pratique.exposure.ports import NOW_TX
from pratique.ledger.entries import Draft
from pratique.settings import Settings
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.logs import open_log
from pratique.store.migrations import load_schema
from pratique.values.spans import DAWN, OPEN, to_micros

FLEETS: Final = TOOLS / "fleets"
LIVE: Final = OPEN
"""As `to_lo`: seen by the newest look."""

DAY: Final = 86_400_000_000
HISTORY: Final = 368
END: Final = to_micros(datetime(2026, 3, 24, 18, tzinfo=UTC))
BEGIN: Final = END - HISTORY * DAY
BAD_FROM: Final = to_micros(datetime(2026, 3, 24, 10, 39, tzinfo=UTC))
BAD_TO: Final = to_micros(datetime(2026, 3, 24, 11, 25, tzinfo=UTC))
BAD: Final = ("litellm", "1.82.7", "1.82.8")
BAD_SHARE: Final = 0.003
PACKAGES: Final = 30_000
FEW_PACKAGES: Final = 3_000
"""Of a small fleet, most of whose time would go into names that nobody has."""
SMALL: Final = 5_000
RELEASES: Final = 24
PRESENT: Final = 300
LOOKS: Final = 12
WAVE: Final = 1_092
HELD_ON: Final = 0.1
"""Of an asset's credentials; the others come and go."""

_ASSET_KINDS: Final = ("environment", "server", "environment", "laptop", "environment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A made fleet on disk, and what is known of it."""

    home: Path
    assets: int
    rows: int
    bad_assets: int
    """Assets that had 1.82.7 or 1.82.8."""
    wave: tuple[tuple[str, str], ...]
    """Name and version of 1,092 releases."""
    wave_rows: int
    identities: int
    edges: int

    @property
    def facts(self) -> Path:
        return self.home / "facts.db"


def fleet(assets: int, *, seed: int = 2026) -> Fleet:
    """The fleet of this size; made once and kept below .tools/fleets (`make clean` removes it)."""
    made_by = hashlib.sha256(Path(__file__).read_bytes())
    made_by.update(load_schema("sqlite", "facts").encode())
    home = FLEETS / f"flat-{assets}"
    note = home / "made.json"
    if note.exists():
        known = json.loads(note.read_text("utf-8"))
        if known.pop("made_by") == made_by.hexdigest():
            known["wave"] = tuple(tuple(one) for one in known["wave"])
            return Fleet(home=home, **known)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    told = _Maker(home / "facts.db", assets, seed).make()
    note.write_text(json.dumps({"made_by": made_by.hexdigest(), **told}), "utf-8")
    return fleet(assets, seed=seed)


def open_bulk(path: Path) -> sqlite3.Connection:
    """The real tables, in a file that takes rows fast and is only kept when all are in."""
    SqliteDatabase(path, "facts").close()
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in (
        "journal_mode = OFF", "synchronous = OFF", "cache_size = -400000", "locking_mode = EXCLUSIVE",
        "temp_store = FILE",
    ):  # fmt: skip
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    return connection


def close_bulk(connection: sqlite3.Connection) -> None:
    connection.execute("COMMIT")
    connection.execute("PRAGMA locking_mode = NORMAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Put rows of all columns into a table."""
    width = len(connection.execute(f"PRAGMA table_info({table})").fetchall())
    marks = ", ".join("?" * width)
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def set_aside_indexes(connection: sqlite3.Connection, table: str) -> list[str]:
    """Drop a table's indexes; what makes them again, once, when all rows are in."""
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql <> ''",
        (table,),
    ).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")
    return [sql for _, sql in found]


def short_hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


class _Maker:
    def __init__(self, path: Path, assets: int, seed: int) -> None:
        self.assets = assets
        self.rng = random.Random(seed)
        self.connection = open_bulk(path)
        self.path = path
        self.size = LOOKS * assets + 1
        self.rows = 0
        self.identities = 3 * assets
        self.packages = PACKAGES if assets > SMALL else FEW_PACKAGES

    def entry(self, asset: int, at: int) -> int:
        """The look that first saw what came at an instant: one per asset and month."""
        month = min(LOOKS - 1, (at - BEGIN) * LOOKS // (HISTORY * DAY))
        return month * self.assets + asset

    def make(self) -> dict[str, Any]:
        self.make_assets()
        wave, wave_rows, bad = self.make_presence()
        edges = self.make_reach()
        facts = self.rows + edges
        insert(self.connection, "tallies", [(self.size - 1, facts, self.assets)])
        origin = make_ledger(self.path.parent, self.size)
        insert(self.connection, "projection", [(1, self.size, origin)])
        close_bulk(self.connection)
        return {
            "assets": self.assets, "rows": self.rows, "bad_assets": bad, "wave": wave,
            "wave_rows": wave_rows, "identities": self.identities, "edges": edges,
        }  # fmt: skip

    # ── assets, places, looks ────────────────────────────────────────────────────────────────

    def make_assets(self) -> None:
        numbers = range(1, self.assets + 1)
        insert(self.connection, "inventory_assets", ((n, asset_name(n)) for n in numbers))
        insert(
            self.connection,
            "asset_states",
            ((n, n, _ASSET_KINDS[n % len(_ASSET_KINDS)], BEGIN) for n in numbers),
        )
        insert(
            self.connection,
            "places",
            (
                (n, short_hash("place", n), n, "environment", "/srv/app/.venv", 0, f"m{n:x}", 1,
                 LOOKS, END, 0, BEGIN, END, 0, 0)
                for n in numbers
            ),
        )  # fmt: skip
        insert(
            self.connection,
            "place_seen",
            ((n, self.entry(n, self.look_at(k)), self.look_at(k + 1)) for n in numbers
             for k in range(LOOKS)),
        )  # fmt: skip
        insert(
            self.connection,
            "looks",
            (
                (k * self.assets + n, n, self.look_at(k), self.look_at(k + 1), 1, 0, 1, 0, 0, 1,
                 _ASSET_KINDS[n % len(_ASSET_KINDS)], 2, 0, 0, NOW_TX)
                for k in range(LOOKS)
                for n in numbers
            ),
        )  # fmt: skip

    @staticmethod
    def look_at(number: int) -> int:
        return BEGIN + number * HISTORY * DAY // LOOKS

    # ── presence ─────────────────────────────────────────────────────────────────────────────

    def make_presence(self) -> tuple[list[tuple[str, str]], int, int]:
        insert(
            self.connection,
            "details",
            (
                (n, short_hash("detail", n), json.dumps({"direct": n % 8 == 0}))
                for n in range(1, 65)
            ),
        )
        shares = [(p + 5) ** -0.8 for p in range(self.packages)]
        scale = PRESENT / sum(shares)
        later = set_aside_indexes(self.connection, "presence")
        wave: list[tuple[str, str]] = []
        wave_rows = bad = 0
        wave_every = self.packages * RELEASES // WAVE
        for package, share in enumerate(shares):
            owners = min(int(share * scale * self.assets), self.assets * 9 // 10)
            releases = self.releases_of(package, owners)
            if package == LITELLM:
                releases += self.bad_releases()
                bad = len({row[1] for rows in releases[RELEASES:] for row in rows})
            insert(self.connection, "items", self.items_of(package, len(releases)))
            for number, rows in enumerate(releases):
                rows.sort()
                insert(self.connection, "presence", rows)
                self.rows += len(rows)
                if (package * RELEASES + number) % wave_every == 0 and len(wave) < WAVE:
                    wave.append((package_name(package), version_of(package, number)))
                    wave_rows += sum(row[11] == NOW_TX for row in rows)
        for statement in later:
            self.connection.execute(statement)
        return wave, wave_rows, bad

    def items_of(self, package: int, count: int) -> Iterator[tuple[Any, ...]]:
        for number in range(count):
            item = item_number(package, number)
            name, version = package_name(package), version_of(package, number)
            digest = "sha256:" + hashlib.sha256(f"{name}{version}".encode()).hexdigest()
            filename = f"{name}-{version}-py3-none-any.whl"
            yield item, short_hash(item), "pypi", name, version, digest, filename, "", 1

    def releases_of(self, package: int, owners: int) -> list[list[tuple[Any, ...]]]:
        """Rows of each release: who has it, and who had it before."""
        rng, per = self.rng.random, HISTORY * DAY // RELEASES
        releases: list[list[tuple[Any, ...]]] = [[] for _ in range(RELEASES)]
        for asset in self.rng.sample(range(1, self.assets + 1), owners):
            came = 0 if rng() < 0.6 else int(rng() * (RELEASES - 1))
            at = BEGIN + came * per + int(rng() * per)
            change = rng()
            if change < 0.4 and came < RELEASES - 1:
                newer = came + 1 + int(rng() * (RELEASES - 1 - came))
                then = BEGIN + newer * per + int(rng() * per)
                releases[came] += self.ended(package, came, asset, at, then)
                releases[newer].append(self.present(package, newer, asset, then))
            elif change < 0.48 and came < RELEASES - 2:
                then = at + per + int(rng() * (END - at - per))
                releases[came] += self.ended(package, came, asset, at, then)
            else:
                releases[came].append(self.present(package, came, asset, at))
        return releases

    def bad_releases(self) -> list[list[tuple[Any, ...]]]:
        """Who got the bad releases while they could be had: some have them still."""
        releases: list[list[tuple[Any, ...]]] = [[], []]
        count = max(2, int(self.assets * BAD_SHARE))
        for asset in self.rng.sample(range(1, self.assets + 1), count):
            which = int(self.rng.random() < 0.7)
            at = BAD_FROM + int(self.rng.random() * (BAD_TO - BAD_FROM))
            if self.rng.random() < 0.5:
                releases[which].append(self.present(LITELLM, RELEASES + which, asset, at))
            else:
                then = at + int(self.rng.random() * (END - at))
                releases[which] += self.ended(LITELLM, RELEASES + which, asset, at, then)
        return releases

    def present(
        self, package: int, number: int, asset: int, at: int, *, until: int = NOW_TX
    ) -> tuple[Any, ...]:
        item, entry = item_number(package, number), self.entry(asset, at)
        return (
            item, asset, entry, 3, entry, asset, 2, at, at, LIVE, OPEN, until, 1 + asset % 64,
            sighting_number(item),
        )  # fmt: skip

    def ended(
        self, package: int, number: int, asset: int, at: int, then: int
    ) -> list[tuple[Any, ...]]:
        """As known before it ended, and since."""
        item, entry, later = (
            item_number(package, number),
            self.entry(asset, at),
            self.entry(asset, then),
        )
        closed = (
            item, asset, later, 3, entry, asset, 2, at, at, then, then, NOW_TX, 1 + asset % 64,
            sighting_number(item),
        )  # fmt: skip
        if later == entry:
            return [closed]
        return [self.present(package, number, asset, at, until=later), closed]

    # ── identities, datasets, clients, vendors ───────────────────────────────────────────────

    def make_reach(self) -> int:
        """12 holdings per asset, 3 identities per asset, 2 `assumes` each, rotations, datasets …"""
        rng, count = self.rng, self.identities
        rows = [identity_of(n, self.assets) for n in range(1, count + 1)]
        insert(
            self.connection,
            "identities",
            ((n, short_hash("i", n), kind, name, "", "", int(owner > 0))
             for n, (kind, name, owner) in enumerate(rows, 1)),
        )  # fmt: skip
        insert(self.connection, "holdings", sorted(self.holdings()))
        datasets, clients, vendors = count // 75 + 1, count // 150 + 1, count // 700 + 1
        names = [identity_entity(n, self.assets) for n in range(1, count + 1)]
        first = {"dataset": count, "client": count + datasets}
        first["vendor"] = first["client"] + clients
        first["asset"] = first["vendor"] + vendors
        names += [f"dataset:set-{n}" for n in range(datasets)]
        names += [f"client:client-{n}" for n in range(clients)]
        names += [f"vendor:vendor-{n}" for n in range(vendors)]
        names += [f"asset:{asset_name(n)}" for n in range(1, self.assets + 1)]
        insert(self.connection, "entities", enumerate(names, 1))
        edges = [*self.roles()]
        for _ in range(count):
            dataset = first["dataset"] + 1 + skewed(rng, datasets)
            edges.append(("opens", 1 + rng.randrange(count), dataset, *span(rng)))
        for dataset in range(first["dataset"] + 1, first["dataset"] + datasets + 1):
            for _ in range(2):
                client = first["client"] + 1 + rng.randrange(clients)
                edges.append(("belongs-to", dataset, client, *always()))
        for asset in range(3, self.assets + 1, 3):
            vendor = first["vendor"] + 1 + skewed(rng, vendors)
            edges.append(("operated-by", first["asset"] + asset, vendor, *always()))
        insert_edges(self.connection, edges)
        return len(edges)

    def roles(self) -> Iterator[tuple[Any, ...]]:
        """One identity in ten may assume a role, every third role another; a few were rotated."""
        rng, count = self.rng, self.identities
        roles = count // 50 + 1
        for identity in range(1, count + 1):
            if identity % 10 == 0 or (identity <= roles and identity % 3 == 0):
                other = 1 + rng.randrange(roles)
                yield "assumes", identity, other, *span(rng)
            if identity % 10 == 5:
                at = BEGIN + int(rng.random() * HISTORY * DAY)
                yield "rotated", identity, identity, at, at, LIVE, OPEN

    def holdings(self) -> Iterator[tuple[Any, ...]]:
        rng = self.rng
        shared = self.identities - 2 * self.assets
        for asset in range(1, self.assets + 1):
            chosen = {2 * asset - 1, 2 * asset}
            chosen.update(2 * self.assets + 1 + skewed(rng, shared) for _ in range(10))
            for identity in chosen:
                at, _, _, end = span(rng, lasting=HELD_ON)
                entry = self.entry(asset, max(at, BEGIN))
                to_lo = LIVE if end == OPEN else end
                yield asset, identity, asset, entry, entry, 2, at, at, to_lo, end, NOW_TX


LITELLM: Final = 150


def package_name(package: int) -> str:
    return BAD[0] if package == LITELLM else f"package-{package}"


def version_of(package: int, number: int) -> str:
    if number >= RELEASES:
        return BAD[1 + number - RELEASES]
    return f"{package % 7}.{number}.0"


def item_number(package: int, number: int) -> int:
    return package * (RELEASES + 2) + number + 1


def sighting_number(item: int) -> int:
    return item * 0x9E3779B97F4A7C15 & (2**62 - 1)


def asset_name(number: int) -> str:
    return f"host/team-{number % 97}/machine-{number}"


def identity_of(number: int, assets: int) -> tuple[str, str, int]:
    """Kind, name, and the asset that a local one belongs to (0: it is shared)."""
    if number <= 2 * assets:
        return "ssh-key", f"id_{number % 2}", (number + 1) // 2
    return "ci-secret", f"team-{number % 97}/token-{number}", 0


def identity_entity(number: int, assets: int) -> str:
    kind, name, owner = identity_of(number, assets)
    return f"identity:{kind}/{asset_name(owner)}/{name}" if owner else f"identity:{kind}/{name}"


def skewed(rng: random.Random, count: int) -> int:
    """Small numbers more often."""
    return int(count * rng.random() ** 2)


def always() -> tuple[int, int, int, int]:
    return DAWN, BEGIN, LIVE, OPEN


def span(rng: random.Random, *, lasting: float = 0.5) -> tuple[int, int, int, int]:
    """That many live on; the others lasted some time within the year."""
    start = BEGIN + int(rng.random() * HISTORY) * DAY
    if rng.random() < lasting:
        return start, start, LIVE, OPEN
    end = start + int(rng.random() * HISTORY) * DAY
    return start, start, end, end


def reach_edges(rng: random.Random, identities: int) -> Iterator[tuple[Any, ...]]:
    """Two `assumes` per identity, and a rotation of one in ten."""
    for _ in range(2 * identities):
        one, other = 1 + rng.randrange(identities), 1 + rng.randrange(identities)
        yield "assumes", one, other, *span(rng)
    for identity in range(1, identities + 1, 10):
        at = BEGIN + int(rng.random() * HISTORY * DAY)
        yield "rotated", identity, identity, at, at, LIVE, OPEN


def insert_edges(connection: sqlite3.Connection, edges: Sequence[tuple[Any, ...]]) -> None:
    """Edges as facts of one early import, a hundred per entry or more."""
    later = set_aside_indexes(connection, "edges")
    insert(
        connection,
        "edges",
        (
            (relation, subject, 1, number, object_, *bounds, 5, "", NOW_TX)
            for number, (relation, subject, object_, *bounds) in enumerate(
                sorted(edges, key=lambda edge: (edge[0], edge[1]))
            )
        ),
    )
    for statement in later:
        connection.execute(statement)


def make_ledger(home: Path, size: int) -> str:
    """A ledger of as many entries as the projection says to rest on; gives its origin."""
    log = open_log(Settings(home=home))
    draft = Draft(kind="watch", subject="collector:fleet", actor="collector:fleet", body={"n": 1})
    numbers, now = iter(range(size)), datetime(2026, 3, 24, 18, tzinfo=UTC)
    while batch := list(itertools.islice(numbers, 10_000)):
        log.append([draft] * len(batch), now=now)
    origin = log.origin
    log.close()
    return origin
