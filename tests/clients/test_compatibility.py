"""docs/reference/compatibility.md says of each client what is observed here, and nothing else.

`PRATIQUE_WRITE_DOCS=1 pytest -p no:randomly tests/clients/test_compatibility.py` writes the table anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.clients import CLIENTS, Client, Locker, UvClient, client_named
from kit.environments import REPOSITORY
from kit.shop import OLD, OpenShop, Shop

pytestmark = [pytest.mark.clients, pytest.mark.slow]

PAGE = REPOSITORY / "docs" / "reference" / "compatibility.md"
BEGIN, END = "<!-- table: observed -->\n", "<!-- end of table -->\n"
NAMES = tuple(CLIENTS)

Observe = Callable[[Client, OpenShop, Path], str]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _version(client: Client, _: OpenShop, __: Path) -> str:
    return client.version


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """What one ordinary install left in the ledger."""

    formats: frozenset[str]
    doors: frozenset[str]
    agents: frozenset[str]
    installed: Mapping[str, str]


_PLAIN: dict[str, _Plain] = {}
"""By client: several rows look at the same install."""


def _plain(client: Client, open_shop: OpenShop, where: Path) -> _Plain:
    if client.name not in _PLAIN:
        shop = open_shop()
        shop.stock_demo()
        result = client.install("demo>=1", index_url=shop.index_url, where=where)
        assert result.exit_code == 0, result
        pages = shop.door.entries("page")
        _PLAIN[client.name] = _Plain(
            formats=frozenset(e.body["format"] for e in shop.door.entries("page", project="demo")),
            doors=frozenset(e.body["door"] for e in shop.door.entries("delivery")),
            agents=frozenset(e.body["agent"].partition("/")[0] for e in pages),
            installed=result.installed,
        )
    return _PLAIN[client.name]


def _page_format(client: Client, open_shop: OpenShop, where: Path) -> str:
    [kind] = _plain(client, open_shop, where).formats
    return {"json": "JSON", "html": "HTML"}[kind]


def _metadata(client: Client, open_shop: OpenShop, where: Path) -> str:
    return _yes("metadata" in _plain(client, open_shop, where).doors)


def _agent(client: Client, open_shop: OpenShop, where: Path) -> str:
    agents = _plain(client, open_shop, where).agents
    return ", ".join(f"`{agent}`" for agent in sorted(agents))


def _falls_back(client: Client, open_shop: OpenShop, where: Path) -> str:
    return _yes(_plain(client, open_shop, where).installed == {"demo": "1.1"})


def _pin_of_held(client: Client, open_shop: OpenShop, where: Path) -> str:
    shop = open_shop()
    shop.stock_demo()
    result = client.install("demo==2.0", index_url=shop.index_url, where=where)
    assert result.installed == {}
    return _yes(result.says("is in cool-down until") and result.says("/b/"))


def _transitive(client: Client, open_shop: OpenShop, where: Path) -> str:
    """A dependency that only a held version satisfies."""
    shop = open_shop()
    shop.stock_demo()
    shop.publish("app", "1.0", requires=["demo>=2"])
    result = client.install("app", index_url=shop.index_url, where=where)
    assert result.installed == {}, result
    return _yes(result.says("is in cool-down until"))


def _hidden(client: Client, open_shop: OpenShop, where: Path) -> str:
    shop = open_shop(
        policy='[[deny]]\nprojects = ["demo"]\nversions = "==2.0"\noutcome = "hide"\nreason = "slow"\n'
    )
    shop.stock_demo(newest=OLD)
    result = client.install("demo==2.0", index_url=shop.index_url, where=where)
    assert result.installed == {"demo": "2.0"}, result
    return "installs, " + (
        "shows the reason" if result.says("hidden: slow") or result.says("slow") else "silent"
    )


def _denied(client: Client, open_shop: OpenShop, where: Path) -> str:
    shop = open_shop(
        policy='[[deny]]\nprojects = ["demo"]\nversions = "==2.0"\nreason = "stole-credentials"\n'
    )
    shop.stock_demo(newest=OLD)
    result = client.install("demo==2.0", index_url=shop.index_url, where=where)
    assert result.installed == {}, result
    return "with the reason" if result.says("stole-credentials") else "as not found"


def _revalidates(scheme: str) -> Observe:
    def observe(client: Client, open_shop: OpenShop, where: Path) -> str:
        shop = open_shop(settings='[door]\ntls_certificate = "auto"\n' if scheme == "https" else "")
        shop.stock_demo()
        for number in (1, 2):
            if isinstance(client, Locker) and not isinstance(client, UvClient):
                (where / "project" / client.lock_name).unlink(missing_ok=True)
                result = client.lock("demo", index_url=shop.index_url, where=where, ca=shop.door.ca)
            else:
                result = client.install(
                    "demo",
                    index_url=shop.index_url,
                    where=where,
                    ca=shop.door.ca,
                    site=f"site-{number}",
                )
            assert result.exit_code == 0, result
        statuses = [e.body["status"] for e in shop.door.entries("page", project="demo")]
        return _yes(304 in statuses) if len(statuses) > 1 else "does not ask again"

    return observe


def _lock_urls(client: Client, open_shop: OpenShop, where: Path) -> str:
    if not isinstance(client, Locker):
        return "–"
    shop = open_shop()
    shop.stock_demo()
    assert client.lock("demo", index_url=shop.index_url, where=where).exit_code == 0
    text = (where / "project" / client.lock_name).read_text("utf-8")
    held = [
        what
        for what, url in (
            ("index", f"{shop.door.url}/pypi/simple"),
            ("files", f"{shop.door.url}/pypi/packages"),
        )
        if url in text
    ]
    return " and ".join(held) if held else "none"


def _token_in_lock(client: Client, open_shop: OpenShop, where: Path) -> str:
    if not isinstance(client, Locker):
        return "–"
    shop = open_shop(settings='[door]\nanonymous = "nobody"\n')
    shop.stock_demo()
    secret = shop.door.add_token("ci")
    url = shop.door.index_url(login=("__token__", secret))
    assert client.lock("demo", index_url=url, where=where).exit_code == 0
    return _yes(secret in (where / "project" / client.lock_name).read_text("utf-8"))


def _asks_for_its_own_copy(client: Client, open_shop: OpenShop, where: Path) -> str:
    """Whether a file in the client's cache that has been denied since is refused (over TLS)."""
    shop = open_shop(settings='[door]\ntls_certificate = "auto"\n')
    shop.stock_demo()
    results = []
    for site in ("first", "second"):
        shutil.rmtree(where / "project", ignore_errors=True)
        options = {} if isinstance(client, Locker) and client.kind != "uv" else {"site": site}
        results.append(
            client.install(
                "demo==1.1", index_url=shop.index_url, where=where, ca=shop.door.ca, **options
            )
        )
        shop.door.set_policy(
            '[[deny]]\nprojects = ["demo"]\nversions = "==1.1"\noutcome = "hold"\nreason = "bad"\n'
        )
    assert results[0].exit_code == 0, results[0]
    return _yes(results[1].exit_code != 0)


ROWS: Mapping[str, Observe] = {
    "version tested": _version,
    "asks for pages in": _page_format,
    "asks for `.metadata`": _metadata,
    "revalidates pages over http": _revalidates("http"),
    "revalidates pages over https": _revalidates("https"),
    "asks before it uses a file it keeps (https)": _asks_for_its_own_copy,
    "`agent` in the ledger": _agent,
    "range passes over a held version": _falls_back,
    "pin of a held version: reason and link": _pin_of_held,
    "dependency on a held version: reason": _transitive,
    "pin of a hidden version": _hidden,
    "pin of a denied version fails": _denied,
    "door URLs in its lock file": _lock_urls,
    "token of the URL in its lock file": _token_in_lock,
}


@pytest.fixture(params=NAMES)
def named(request: pytest.FixtureRequest) -> Client:
    return client_named(request.param)


@pytest.mark.parametrize("row", ROWS)
def test_the_table_says_what_is_observed(
    named: Client, row: str, open_shop: OpenShop, tmp_path: Path
) -> None:
    observed = ROWS[row](named, open_shop, tmp_path / "work")
    if os.environ.get("PRATIQUE_WRITE_DOCS") == "1":
        _write_cell(row, named.name, observed)
    assert _table()[row][named.name] == observed


def test_the_table_has_no_other_rows() -> None:
    assert set(_table()) == set(ROWS)


def _table() -> dict[str, dict[str, str]]:
    lines = PAGE.read_text("utf-8").split(BEGIN)[1].split(END)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: dict(zip(NAMES, row[1:], strict=True)) for row in rows[2:]}


def _write_cell(row: str, name: str, value: str) -> None:
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    table = _table()
    table.setdefault(row, {})[name] = value
    head = "| | " + " | ".join(NAMES) + " |\n" + "| --- " * (len(NAMES) + 1) + "|\n"
    body = "".join(
        f"| {label} | " + " | ".join(table.get(label, {}).get(n, "?") for n in NAMES) + " |\n"
        for label in ROWS
    )
    PAGE.write_text(before + BEGIN + head + body + END + rest.partition(END)[2], "utf-8")


def test_shops_are_what_the_rows_assume(shop: Shop) -> None:
    shop.stock_demo()
    yanked = {f["filename"].split("-")[1]: f["yanked"] for f in shop.door.page("demo")["files"]}
    assert (yanked["1.0"], yanked["1.1"]) == (False, False)
    assert isinstance(yanked["2.0"], str)
