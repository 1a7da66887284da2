"""The facts that bear on a question, read from the projection in one transaction.

Fulfils `exposure.facts.PresenceFacts`. Reading starts from the files asked for (few rows), never
from the assets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from pratique.exposure.facts import (
    Delivery,
    Listing,
    PageKey,
    PageSession,
    Recording,
    Refusal,
    ViewKey,
    ViewLine,
    Watch,
)
from pratique.exposure.question import Question, release_key
from pratique.policy.model import Outcome
from pratique.store.connect import Row, Session
from pratique.store.presence_rows import version_of
from pratique.values.digests import Sha256
from pratique.values.names import ProjectName
from pratique.values.spans import from_micros

_Fact = TypeVar("_Fact", Delivery, Refusal)


class PresenceReader:
    """Reads within one open transaction, so that all its answers belong together."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names: dict[int, PageKey] = {}
        self._numbers: dict[PageKey, int] = {}

    def applied(self) -> int:
        """Ledger entries that the projection rests on."""
        rows = self._session.run("read_projection")
        return int(rows[0][0]) if rows else 0

    def unreadable(self) -> int:
        """Entries that the projection could not read."""
        return int(self._session.run("count_unreadable")[0][0])

    def assets(self) -> Sequence[str]:
        """Every asset known by token or by having asked."""
        return tuple(actor for (actor,) in self._session.run("list_assets"))

    def watches(self) -> Sequence[Watch]:
        """All spans of watching."""
        return tuple(
            Watch(
                collector=collector,
                start=from_micros(first_at),
                last=from_micros(last_at),
                period_seconds=period,
                stopped=bool(stopped),
            )
            for collector, first_at, last_at, period, stopped in self._session.run("list_watches")
        )

    # ── pages and views ──────────────────────────────────────────────────────────────────────

    def pages_of(self, project: ProjectName) -> list[int]:
        """Numbers of a project's pages on all index views."""
        rows = self._session.run("list_pages_of_project", project=project)
        for number, index, name in rows:
            self._learn(number, PageKey(index, ProjectName(name)))
        return [number for number, _, _ in rows]

    def pages(self, projects: Collection[ProjectName]) -> Collection[PageKey]:
        """The pages of these projects on all index views."""
        return [self._names[number] for one in projects for number in self.pages_of(one)]

    def versions(self, project: ProjectName) -> frozenset[str]:
        """Versions of a project that were ever listed, delivered or refused, as columns hold them.

        Shape: as `release_key` spells them; empty for files whose name tells none.
        """
        return frozenset(
            version
            for page in self.pages_of(project)
            for (version,) in self._session.run("list_versions_of_page", page=page)
        )

    def _learn(self, number: int, key: PageKey) -> PageKey:
        self._names[number] = key
        self._numbers[key] = number
        return key

    def _page_key(self, number: int) -> PageKey:
        if number in self._names:
            return self._names[number]
        index, project = self._session.run("find_page_name", page=number)[0]
        return self._learn(number, PageKey(index, ProjectName(project)))

    def _releases(self, question: Question) -> Iterable[tuple[int, str]]:
        """Each release asked for on each page of its project, as columns."""
        columns = dict.fromkeys((project, release_key(v)) for project, v in question.releases)
        return [(page, key) for project, key in columns for page in self.pages_of(project)]

    def listing(self, question: Question, sha256s: Collection[Sha256]) -> Listing:
        """Recordings and lines of files of the named releases or with one of these hashes."""
        places: dict[tuple[int, str], None] = {}
        for page, key in self._releases(question):
            rows = self._session.run("list_filenames_of_release", page=page, version=key)
            places.update(((page, filename), None) for (filename,) in rows)
        for digest in sha256s:
            for page, filename in self._session.run("list_places_of_sha256", sha256=digest):
                places[page, filename] = None
        pages = dict.fromkeys(page for page, _ in places)
        return Listing(
            recordings=tuple(r for page in pages for r in self._recordings(page)),
            lines=tuple(line for page, name in places for line in self._lines(page, name)),
        )

    def _recordings(self, page: int) -> list[Recording]:
        key = self._page_key(page)
        return [
            Recording(number=number, key=ViewKey(key, view), base=base, complete_at=complete_at)
            for number, _, view, base, complete_at in self._session.run(
                "list_recordings", page=page
            )
        ]

    def _lines(self, page: int, filename: str) -> list[ViewLine]:
        version = version_of(filename, self._page_key(page).project)
        return [
            ViewLine(
                recording=recording,
                filename=name,
                version=version,
                sha256=sha256,
                outcome=None if outcome == "removed" else Outcome(outcome),
                rule=rule,
                sequence=sequence,
            )
            for recording, name, sha256, outcome, rule, sequence in self._session.run(
                "list_lines_of_file", page=page, filename=filename
            )
        ]

    def sessions(self, views: Collection[ViewKey]) -> Sequence[PageSession]:
        """Answers of these views."""
        return tuple(
            _session(key, row)
            for key in views
            for row in self._session.run(
                "list_sessions_of_view", page=self._numbers[key.page], view=key.view
            )
        )

    def unexplained_sessions(self, pages: Collection[PageKey]) -> Sequence[PageSession]:
        """Answers of these pages whose view was never completely recorded."""
        return tuple(
            _session(ViewKey(page, view), row)
            for page in pages
            for view, *row in self._session.run(
                "list_unexplained_sessions", page=self._numbers[page]
            )
        )

    # ── files ────────────────────────────────────────────────────────────────────────────────

    def deliveries(self, question: Question, sha256s: Collection[Sha256]) -> Sequence[Delivery]:
        """Deliveries of the named releases or of one of these hashes."""
        return self._asked_for("list_deliveries", question, sha256s, self._delivery)

    def refusals(self, question: Question, sha256s: Collection[Sha256]) -> Sequence[Refusal]:
        """Refusals of the named releases or of one of these hashes."""
        return self._asked_for("list_refusals", question, sha256s, self._refusal)

    def _asked_for(
        self,
        statement: str,
        question: Question,
        sha256s: Collection[Sha256],
        make: Callable[[Row], _Fact],
    ) -> Sequence[_Fact]:
        found: dict[int, _Fact] = {}
        for page, key in self._releases(question):
            for row in self._session.run(f"{statement}_of_release", page=page, version=key):
                found[row[0]] = make(row)
        for digest in sha256s:
            for row in self._session.run(f"{statement}_of_sha256", sha256=digest):
                found[row[0]] = make(row)
        return tuple(found[sequence] for sequence in sorted(found))

    def _delivery(self, row: Row) -> Delivery:
        sequence, at, actor, page, filename, sha256, door, outcome, method, *more = row
        status, byte_range, waiver, complete, bytes_sent = more
        key = self._page_key(page)
        return Delivery(
            sequence=sequence,
            at=from_micros(at),
            actor=actor,
            page=key,
            filename=filename,
            version=version_of(filename, key.project),
            sha256=Sha256(sha256),
            door=door,
            outcome=outcome,
            method=method,
            status=status,
            byte_range=byte_range,
            complete=None if complete is None else bool(complete),
            bytes_sent=bytes_sent or 0,
            waiver=waiver,
        )

    def _refusal(self, row: Row) -> Refusal:
        sequence, at, actor, page, filename, sha256, rule = row
        key = self._page_key(page)
        return Refusal(
            sequence=sequence,
            at=from_micros(at),
            actor=actor,
            page=key,
            filename=filename,
            version=version_of(filename, key.project),
            sha256=sha256,
            rule=rule,
        )


def _session(key: ViewKey, row: Sequence[Any]) -> PageSession:
    actor, first_at, last_at, first_seq, last_seq, answers = row
    return PageSession(
        key=key,
        actor=actor,
        first_at=from_micros(first_at),
        last_at=from_micros(last_at),
        first_sequence=first_seq,
        last_sequence=last_seq,
        answers=answers,
    )
