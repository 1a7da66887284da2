"""The import picture: doors → rooms → values; rooms touch nothing of the outside world.

Drawn from the syntax tree, so that lazy imports inside functions count too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "pratique"
NOT_ROOMS = {"store", "edge", "doors", "drill", "assembly"}
ROOMS = sorted(
    path.name for path in SOURCE.iterdir() if path.is_dir() and path.name not in NOT_ROOMS
    if (path / "__init__.py").exists()
)  # fmt: skip

# The one module of the ledger that would change if the ledger became a package of its own.
LEDGER_ERRORS = "pratique.ledger.errors"

# HTTP, SQL, clock, file system, processes, event loop, terminal.
OUTSIDE = {
    "aiohttp", "asyncio", "click", "ftplib", "glob", "http", "httpx", "multiprocessing", "os",
    "pathlib", "platformdirs", "prometheus_client", "psycopg", "random", "requests", "rich",
    "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile",
    "time", "urllib.request",
}  # fmt: skip

# Calls that read the world without an import that gives them away.
OUTSIDE_CALLS = {"open", "input", "print", "now_utc"}
CLOCK_METHODS = {"now", "utcnow", "today"}


def modules(folder: Path = SOURCE) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST) -> Iterator[tuple[str, str, ast.stmt]]:
    """Every import as (module with the imported name, name it is bound to, statement)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, alias.asname or alias.name.partition(".")[0], node
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where an arrow points"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", alias.asname or alias.name, node


def names_used_at_run_time(tree: ast.AST) -> set[str]:
    """Names that are more than annotations; an annotation alone touches nothing."""
    annotations: set[int] = set()
    for node in ast.walk(tree):
        spots: list[ast.expr | None] = []
        if isinstance(node, ast.AnnAssign | ast.arg):
            spots.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            spots.append(node.returns)
        for spot in spots:
            if spot is not None:
                annotations.update(id(inner) for inner in ast.walk(spot))
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and id(node) not in annotations
    }


def is_outside(target: str) -> bool:
    return any(target == name or target.startswith(name + ".") for name in OUTSIDE)


def outside_contacts(tree: ast.AST) -> list[str]:
    used = names_used_at_run_time(tree)
    found = [
        f"line {statement.lineno}: imports {target}"
        for target, bound, statement in imports(tree)
        if is_outside(target) and bound in used
    ]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in OUTSIDE_CALLS:
            found.append(f"line {node.lineno}: calls {called.id}()")
        if (
            isinstance(called, ast.Attribute)
            and called.attr in CLOCK_METHODS
            and isinstance(called.value, ast.Name)
            and called.value.id in {"datetime", "date", "dt"}
        ):
            found.append(f"line {node.lineno}: reads the clock")
    found += [
        f"line {node.lineno}: {type(node).__name__}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)
    ]
    return found


@cache
def tree_of(path: Path) -> ast.Module:
    """What a module says; several tests ask."""
    return ast.parse(path.read_text("utf-8"))


def room_of(module: str) -> str:
    """`pratique.index.model` → `index`; modules at the top are named by themselves."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@cache
def own_arrows() -> tuple[tuple[str, str, str], ...]:
    """Every import of ours by ours: (importing module, imported name, where)."""
    return tuple(
        (dotted(path), target, f"{path.relative_to(SOURCE)}:{statement.lineno}")
        for path in modules()
        for target, _bound, statement in imports(tree_of(path))
        if target.startswith("pratique.")
    )


# `now_utc` is the one place that reads the clock; only assembly, doors and edges may call it.
THE_CLOCK = SOURCE / "values" / "instants.py"


@pytest.mark.slow
@pytest.mark.parametrize("room", ROOMS)
def test_rooms_touch_nothing_outside(room: str) -> None:
    contacts = {
        str(path.relative_to(SOURCE)): found
        for path in modules(SOURCE / room)
        if (found := outside_contacts(tree_of(path)))
    }
    clock = contacts.pop(str(THE_CLOCK.relative_to(SOURCE)), [])
    assert len(clock) == (1 if room == "values" else 0), clock
    assert contacts == {}


# What doors may take from the edge: machinery that fulfils no room's protocol, so that there is
# nothing for assembly to choose. Everything else of store and edge is handed to them.
EDGE_MACHINERY = (
    "pratique.edge.flights.",  # many clients waiting for one piece of work
    "pratique.edge.wheel_metadata.",  # reads a wheel's metadata out of bytes
    "pratique.edge.tls.",  # certificates for our own sockets
    "pratique.edge.memory.",  # settings of the process itself
    "pratique.edge.custody.drawn_ids.",  # chance
    "pratique.edge.vetting.kernel",  # what Linux tells a process of itself and of its parent
)
# What the console shows comes from the projection, which is one class over both databases.
CONSOLE_READS = {
    "pratique.doors.overview": ("pratique.store.presence.",),
    "pratique.doors.incident_desk": ("pratique.store.presence.", "pratique.store.incidents."),
    # State that doors and commands share, likewise one class over both databases.
    "pratique.doors.custody_console": (
        "pratique.store.presence.",
        "pratique.store.custody.",
        "pratique.store.custody_heal.",
    ),
    "pratique.doors.party_console": (
        "pratique.store.custody.",
        "pratique.store.custody_heal.",
        "pratique.store.parties.",
        "pratique.store.party_checks.",
        "pratique.store.presence.",
    ),
    # What console and commands do alike.
    "pratique.doors.party_stops": ("pratique.store.custody.", "pratique.store.custody_holds."),
    "pratique.doors.scope_changes": ("pratique.store.custody.",),
}
# What a command may open by itself: assembly would load every library of the doors with it.
STORE_OPENERS = (
    "pratique.store.advisories.",
    "pratique.store.control.",
    "pratique.store.custody.",
    "pratique.store.custody_heal.",
    "pratique.store.incidents.",
    "pratique.store.log_keys.",
    "pratique.store.log_names.",
    "pratique.store.logs.",
    "pratique.store.parties.",
    "pratique.store.party_checks.",
    "pratique.store.party_facts.",
    "pratique.store.party_receiving.",
    "pratique.store.party_rotations.",
    "pratique.store.party_status.",
    "pratique.store.people.",
    "pratique.store.presence.",
    "pratique.store.questions.",
    "pratique.store.rebuild.",
    "pratique.store.register_facts.",
    "pratique.store.vetting.",
    "pratique.store.vetting_audits.",
    "pratique.store.work.",
)
# What works on a dataset where it lies, for whom holds the home: commands of operators run it without any
# door, and choose only what is to be worked on.
CUSTODY_WORK = (
    "attributing", "aws_access", "bucket_source", "checking", "folder_source", "leaked", "marking",
    "media_marking", "operator_parts", "parquet_marking", "part_places", "registering", "sources",
)  # fmt: skip
# What a command may ask by itself: a running door, or a folder, needs no house of our own.
EDGE_CLIENTS = (
    "pratique.edge.door_client.",
    "pratique.edge.advisories.",
    "pratique.edge.advisory_sources.",
    "pratique.edge.custody.broker.",  # a process of its own: its command starts it
    "pratique.edge.custody.broker_admin.",  # asks the broker of this home
    *(f"pratique.edge.custody.{name}." for name in CUSTODY_WORK),
    "pratique.edge.parties.",  # pushes evidence, and verifies Sigstore bundles
    "pratique.edge.record_tools.",  # confined processes that look at records
    "pratique.edge.sweep.",
    "pratique.edge.time_stamps.",  # asks whom the user names
)
# Doors that put the house together and run it.
RUNS_THE_HOUSE = ("pratique.doors.cli", "pratique.doors.serving", "pratique.doors.s3.serving")


def allowed(importer: str, target: str) -> bool:
    """The arrows that may be drawn between two parts of the house."""
    here, there = room_of(importer), room_of(target)
    if there in {"errors", "__version__"} and (here != "ledger" or importer == LEDGER_ERRORS):
        return True
    if here == "assembly":
        return True
    if here in ROOMS:
        return there in ROOMS and (here != "ledger" or there == "ledger")
    if here in {"store", "edge"}:
        return there in {*ROOMS, "settings", here}
    if here == "doors":
        return _door_may(importer, target)
    if here == "drill":  # it stands where a person stands: outside, running the whole product
        return not target.startswith("pratique.doors.cli")
    return there in {"values", "settings"}  # settings.py, errors.py, __init__.py


def _door_may(importer: str, target: str) -> bool:
    there = room_of(target)
    if there == "edge":
        from_command = importer.startswith("pratique.doors.cli")
        return target.startswith(EDGE_MACHINERY) or (
            from_command and target.startswith(EDGE_CLIENTS)
        )
    if there in {"assembly", "home", "drill"}:
        return importer.startswith(RUNS_THE_HOUSE)
    if there == "store":
        from_command = importer.startswith("pratique.doors.cli")
        return (from_command and target.startswith(STORE_OPENERS)) or (
            target.startswith(CONSOLE_READS.get(importer, ("nothing",)))
        )
    return True


@pytest.mark.slow
def test_arrows_point_inward() -> None:
    backwards = [
        f"{where}: {importer} → {target}"
        for importer, target, where in own_arrows()
        if not allowed(importer, target)
    ]
    assert backwards == []


@pytest.mark.slow
def test_nobody_but_assembly_doors_and_drills_imports_doors() -> None:
    guests = [
        where
        for importer, target, where in own_arrows()
        if room_of(target) == "doors" and room_of(importer) not in {"doors", "assembly", "drill"}
    ]
    assert guests == []


@pytest.mark.slow
def test_the_ledger_could_become_a_package_of_its_own() -> None:
    foreign = [
        f"{where}: {target}"
        for importer, target, where in own_arrows()
        if room_of(importer) == "ledger"
        and room_of(target) != "ledger"
        and (importer, room_of(target)) != (LEDGER_ERRORS, "errors")
    ]
    assert foreign == []


def test_rooms_do_not_import_each_other_in_circles() -> None:
    arrows: dict[str, set[str]] = {room: set() for room in ROOMS}
    for importer, target, _where in own_arrows():
        here, there = room_of(importer), room_of(target)
        if here in arrows and there in arrows and here != there:
            arrows[here].add(there)
    settled: set[str] = set()
    while ready := [r for r in ROOMS if r not in settled and arrows[r] <= settled]:
        settled.update(ready)
    assert settled == set(ROOMS), {r: arrows[r] - settled for r in ROOMS if r not in settled}


SPECIMENS = [
    ("import os\nos.getcwd()", 1),
    ("from pathlib import Path\nx = Path('a')", 1),
    ("from __future__ import annotations\nfrom pathlib import Path\ndef f(p: Path) -> Path: ...", 0),
    ("def f():\n    import time\n    return time.time()", 1),
    ("import urllib.parse\nurllib.parse.quote('a')", 0),
    ("import urllib.request\nurllib.request.urlopen('a')", 1),
    ("from datetime import datetime\ndatetime.now()", 1),
    ("open('a')", 1),
    ("async def f(x):\n    await x", 1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "count"), SPECIMENS)
def test_the_picture_sees_what_it_should(text: str, count: int) -> None:
    assert len(outside_contacts(ast.parse(text))) == count


def test_the_rules_refuse_backward_arrows() -> None:
    assert not allowed("pratique.policy.decide", "pratique.store.sqlite.Store")
    assert not allowed("pratique.index.cook", "pratique.doors.index.app")
    assert not allowed("pratique.doors.index.app", "pratique.edge.blobs.DiskBlobs")
    assert not allowed("pratique.doors.index.app", "pratique.assembly.build")
    assert not allowed("pratique.ledger.tree", "pratique.values.digests.Sha256")
    assert not allowed("pratique.store.sqlite", "pratique.edge.blobs")
    assert not allowed("pratique.ledger.tree", "pratique.errors.InputError")
    assert not allowed("pratique.doors.index.app", "pratique.store.control.SqliteControl")
    assert not allowed("pratique.settings", "pratique.policy.model")
    assert allowed("pratique.assembly", "pratique.store.sqlite.Store")
    assert allowed("pratique.doors.cli.up", "pratique.assembly.build")
    assert allowed("pratique.index.ports", "pratique.policy.model.Decision")
