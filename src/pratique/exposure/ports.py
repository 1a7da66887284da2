"""What the exposure room asks of the store: a dozen named questions about interval facts.

Each is a named statement per dialect, and each is compared with one naive oracle in the tests.
Instants are microseconds (`values.spans`); `tx` is a ledger size: only what entries below it said
counts, so that an answer as of any past state can be given again. Ids are the store's, stable within
one projection only: never write them into the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from pratique.values.spans import Span

NOW_TX: Final = 2**53 - 1
"""`tx` of a question about everything known."""


class ItemRow(NamedTuple):
    """A release or file that some evidence named."""

    id: int
    type: str
    name: str
    version: str
    digest: str
    filename: str
    range: str


class AssetRow(NamedTuple):
    """An asset."""

    id: int
    name: str
    kind: str
    since: int
    """Earliest instant at which anything is known of it."""


class Hit(NamedTuple):
    """An asset had an item at a place, from when to when."""

    item: int
    asset: int
    place: int
    span: Span
    """`to_lo` of what is still there is the last look of the place known at `tx`."""
    stage: int
    evidence_class: int
    entry: int
    """Sequence of the `look` that says so."""
    detail: str
    """JSON of the sighting beyond its item: at, parents, direct, note."""


class PlaceRow(NamedTuple):
    """A place of an asset."""

    id: int
    asset: int
    kind: str
    locator: str
    lineage: str


class Edge(NamedTuple):
    """A fact between two entities."""

    relation: str
    subject: str
    object: str
    span: Span
    evidence_class: int
    entry: int
    note: str


class Watched(NamedTuple):
    """When a place was watched, and how; one row per look, or per run of looks that join."""

    asset: int
    place: int
    mode: str
    at_lo: int
    at_hi: int
    ended: bool
    whole: bool
    gaps: int
    entry: int


class Conflict(NamedTuple):
    """Several machines use one asset's name: what is said of the asset may be of either."""

    asset: int
    machines: tuple[str, ...]
    """Fingerprints, in the order in which they came."""
    entry: int
    """Of the first look of a second machine."""


class Totals(NamedTuple):
    """Sizes, for the head of every answer."""

    facts: int
    assets: int
    applied: int
    """Ledger entries that the projection rests on."""
    unreadable: int


class Theft(NamedTuple):
    """What could be taken from an asset: an identity, at some instants of `[start, end)`."""

    identity: str
    """Entity key."""
    start: int
    end: int
    """An empty span counts at its instant."""
    asset: str
    """Entity key of where it lay; empty: not said."""
    entries: tuple[int, ...] = ()
    """Ledger sequences that say so: the sighting, the holding."""


class Extent(NamedTuple):
    """How many things of one kind lie one step from exposed assets."""

    kind: str
    """`asset`, `identity`, `dataset`, `client`, `people`, `vendor`."""
    number: int
    first: int
    """Earliest instant at which one of them may have been within reach."""


class Held(NamedTuple):
    """One value of an identity in foreign hands: from the theft until it was rotated."""

    start: int
    """Earliest instant at which this value may have been had."""
    end: int
    """From here on it works no more; OPEN while it does."""
    came_from: str
    """Identity that gave it; empty when it was itself stolen from an asset."""
    came_at: int
    """`start` of the span of `came_from` that gave it; its own when it was stolen from an asset."""
    entry: int
    """Of the `assumes` fact; for a root the number of the theft as given, from 0."""
    ended_by: int
    """Entry of the rotation that ended it; -1 while it works."""


class FactQueries(Protocol):
    """The named questions."""

    def items_named(self, names: Collection[tuple[str, str]], *, tx: int) -> Sequence[ItemRow]:
        """Every item of these (type, name) pairs; versions are matched by the caller, exactly."""
        ...

    def items_with_digest(self, digests: Collection[str], *, tx: int) -> Sequence[ItemRow]:
        """Items with one of these `ALGORITHM:HEX` digests."""
        ...

    def hits(self, items: Collection[int], start: int, end: int, *, tx: int) -> Sequence[Hit]:
        """Who may have had one of these in `[start, end)`: flat places and lineages alike."""
        ...

    def hits_of_asset(
        self, asset: int, names: Collection[tuple[str, str]], *, tx: int
    ) -> Sequence[Hit]:
        """Everything that this asset ever had of these projects, other versions included."""
        ...

    def contents_at(self, asset: int, moment: int, *, tx: int) -> Sequence[tuple[ItemRow, Hit]]:
        """What an asset may have held at an instant (point-in-time SBOM)."""
        ...

    def assets(self, *, tx: int) -> Iterable[AssetRow]:
        """Every asset."""
        ...

    def assets_by_name(self, names: Collection[str]) -> Sequence[AssetRow]:
        """Assets with these names."""
        ...

    def assets_by_id(self, ids: Collection[int]) -> Sequence[AssetRow]:
        """Assets with these ids."""
        ...

    def places(self, ids: Collection[int]) -> Sequence[PlaceRow]:
        """Places with these ids."""
        ...

    def watched(
        self, assets: Collection[int] | None, start: int, end: int, *, tx: int
    ) -> Sequence[Watched]:
        """Looks at places of these assets (None: of all) that bear on `[start, end)`.

        Shape: those that overlap it, the last one before and the first one after it, per place.
        """
        ...

    def conflicts(self, *, tx: int) -> Sequence[Conflict]:
        """Assets whose name several machines use; their looks are kept apart by place."""
        ...

    def holds(self, assets: Collection[int], start: int, end: int, *, tx: int) -> Sequence[Edge]:
        """Identities that these assets may have held in `[start, end)`."""
        ...

    def edges_from(self, relation: str, subjects: Collection[str], *, tx: int) -> Sequence[Edge]:
        """Facts of a relation with one of these subjects."""
        ...

    def edges_to(self, relation: str, objects: Collection[str], *, tx: int) -> Sequence[Edge]:
        """Facts of a relation with one of these objects."""
        ...

    def edges_of(self, relation: str, *, tx: int) -> Iterable[Edge]:
        """Every fact of a relation."""
        ...

    def reach(self, thefts: Iterable[Theft], *, tx: int) -> Mapping[str, Sequence[Held]]:
        """Every identity that can be had from these thefts, with the spans it is in foreign hands.

        Along `assumes` facts, without limit of depth, as `exposure.reach` says. Shape: identity key
        → its spans, one per value (a rotation makes a new value), earliest first, and of those that
        begin together the one fewer edges away first.
        """
        ...

    def extent(self, exposed: Collection[tuple[int, int, int]], *, tx: int) -> Sequence[Extent]:
        """How far it goes from these assets (number, start, end), counted: the first figures.

        Identities held there then; datasets that these open from then on, and whose they are; who
        operates the assets. What stolen identities may assume is left out, and rotation ends
        nothing: that is for `reach`. Kinds of which there are none are left out too.
        """
        ...

    def totals(self, *, tx: int) -> Totals:
        """Sizes."""
        ...
