"""All cases of `kit.cases` behind one door, for tests that walk every path to them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from kit.asking import Answer
from kit.cases import CASES, NOW, Case, Published, policy_of, publish, write_advisories
from kit.door import Door, running_door
from kit.upstream import FakeUpstream

TWO_VIEWS = """
[[upstream]]
name = "public"
url = "{upstream}"
[[index]]
name = "pypi"
upstreams = ["public"]
[[index]]
name = "mirror"
upstreams = ["public"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """An upstream with every case, and the door before it."""

    upstream: FakeUpstream
    door: Door
    published: Mapping[str, Published]

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
    ) -> tuple[Answer, str]:
        """Ask under a User-Agent of its own, so that the ledger's entries can be told apart."""
        agent = f"walker/{uuid.uuid4().hex}"
        answer = self.door.ask(
            path, method=method, headers={"User-Agent": agent, **(headers or {})}, login=login
        )
        return answer, agent


@contextmanager
def running_world(
    folder: Path,
    *,
    stored: bool = False,
    studied: bool = True,
    cases: tuple[Case, ...] = CASES,
    mode: str = "enforce",
) -> Iterator[World]:
    """Publish the cases and open the door.

    `stored`: every file lies in the door's cache already. `studied`: the door has had time to
    compare dependencies, for which somebody must have looked at the page.
    """
    with FakeUpstream() as upstream:
        published = {case.name: publish(upstream, case) for case in cases}
        home = folder / "home"
        write_advisories(home, cases)
        with running_door(
            home=home,
            upstream=upstream,
            now=NOW,
            settings=TWO_VIEWS,
            policy=policy_of(cases, head=f'mode = "{mode}"\n'),
        ) as door:
            for item in published.values():
                _grant(door, item)
                if stored:
                    door.store_blob(item.file.content)
            if studied:
                for item in published.values():
                    if item.case.name.startswith("fix-"):
                        door.ask(f"/pypi/simple/{item.case.project}/")
                door.settle()
            yield World(upstream=upstream, door=door, published=published)


def _grant(door: Door, item: Published) -> None:
    case = item.case
    if case.verdict:
        door.set_verdict(item.sha256, case.verdict)
    if not case.waiver:
        return
    expired = case.waiver == "expired"
    waiver = door.add_waiver(
        item.sha256,
        filename=item.filename,
        index="mirror-of-nothing" if case.waiver == "other-index" else "*",
        created_at=NOW - timedelta(days=30),
        expires_at=NOW - timedelta(days=1) if expired else NOW + timedelta(days=30),
        overrides_deny=case.waiver == "deny",
    )
    if case.waiver == "revoked":
        door.revoke_waiver(waiver)


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str | None]] = {}
        self._open: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._open = dict(attrs)

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.found[data.strip()] = self._open
            self._open = None


def files_of(answer: Answer) -> dict[str, dict[str, Any]]:
    """Files of a page in any language, by name: `yanked` is False or a reason, `url` absolute or not."""
    if answer.headers.get_content_type().endswith("json"):
        return {f["filename"]: f for f in answer.json["files"]}
    parser = _Anchors()
    parser.feed(answer.content.decode("utf-8"))
    return {
        name: {"yanked": attributes.get("data-yanked", False), "url": attributes["href"]}
        for name, attributes in parser.found.items()
    }
