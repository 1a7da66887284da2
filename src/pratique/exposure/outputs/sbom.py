"""A CycloneDX 1.6 SBOM of an asset as of an instant: what it held then, as far as anybody looked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from pratique import __version__
from pratique.exposure.outputs.common import asset_urn, purl_of, stable_uuid, to_json
from pratique.exposure.outputs.cyclonedx_vex import TYPES
from pratique.exposure.ports import AssetRow, Hit, ItemRow, PlaceRow, Watched
from pratique.inventory.observed.model import ONE_PLACE, EvidenceClass, PlaceKind, Stage
from pratique.values.instants import Instant, render_instant
from pratique.values.plain_text import printable
from pratique.values.spans import from_micros, to_micros

_HASHES: Final = {
    "md5": ("MD5", 32),
    "sha1": ("SHA-1", 40),
    "sha256": ("SHA-256", 64),
    "sha384": ("SHA-384", 96),
    "sha512": ("SHA-512", 128),
}
_HEX: Final = frozenset("0123456789abcdef")


class Held(NamedTuple):
    """An item that the asset may have held, with all places where it was seen."""

    item: ItemRow
    hits: tuple[Hit, ...]
    surely: bool


class Picture(NamedTuple):
    """An asset as of an instant."""

    asset: AssetRow
    moment: Instant
    tx: int
    held: tuple[Held, ...]
    places: Mapping[int, PlaceRow]
    whole: bool
    """Whether somebody watched at that instant and read everything."""
    looks: tuple[Watched, ...]


def take_picture(
    asset: AssetRow,
    moment: Instant,
    *,
    tx: int,
    contents: Iterable[tuple[ItemRow, Hit]],
    places: Iterable[PlaceRow],
    watched: Sequence[Watched],
) -> Picture:
    """Put together what was seen of an asset around an instant."""
    at = to_micros(moment)
    by_item: dict[int, tuple[ItemRow, list[Hit]]] = {}
    for item, hit in contents:
        by_item.setdefault(item.id, (item, []))[1].append(hit)
    held = [
        Held(item, tuple(hits), any(hit.span.surely_overlaps(at, at) for hit in hits))
        for item, hits in by_item.values()
    ]
    known = {place.id: place for place in places}
    return Picture(
        asset=asset,
        moment=moment,
        tx=tx,
        held=tuple(sorted(held, key=lambda one: one.item[1:])),
        places=known,
        whole=_is_whole(asset, at, watched, known),
        looks=tuple(sorted(watched, key=lambda one: (one.at_lo, one.entry))),
    )


def _is_whole(
    asset: AssetRow, at: int, watched: Iterable[Watched], places: Mapping[int, PlaceRow]
) -> bool:
    """Whether looks at that very instant read all of the asset.

    On a machine an environment that no look knows may exist beside those looked at; only a look at
    the machine as a whole excludes that.
    """
    then = [one for one in watched if one.at_lo <= at < max(one.at_hi, one.at_lo + 1)]
    if not then or not all(one.whole and not one.gaps for one in then):
        return False
    kinds = {places[one.place].kind for one in then if one.place in places}
    return asset.kind in ONE_PLACE or PlaceKind.ASSET in kinds


def render_sbom(picture: Picture) -> str:
    """The picture as CycloneDX JSON; the same picture gives the same bytes."""
    components = [_component(one, picture.places) for one in picture.held]
    asset = picture.asset
    body: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": render_instant(picture.moment),
            "tools": {
                "components": [{"type": "application", "name": "pratique", "version": __version__}]
            },
            "component": {
                "type": TYPES.get(asset.kind, "application"),
                "bom-ref": asset_urn(f"asset:{asset.name}"),
                "name": asset.name,
            },
            "properties": [
                _property("asset-kind", asset.kind),
                _property("as-of", render_instant(picture.moment)),
                _property("as-known-at", str(picture.tx)),
                *(_property("look", _look(one)) for one in picture.looks),
            ],
        },
        "components": components,
        "compositions": [
            {
                "aggregate": "complete" if picture.whole else "unknown",
                "assemblies": [asset_urn(f"asset:{asset.name}")],
            }
        ],
    }
    serial = stable_uuid("sbom", hashlib.sha256(msgspec.json.encode(body)).hexdigest())
    return to_json({**body, "serialNumber": f"urn:uuid:{serial}"})


def _component(one: Held, places: Mapping[int, PlaceRow]) -> dict[str, Any]:
    item = one.item
    reference = hashlib.sha256(msgspec.json.encode(item[1:])).hexdigest()[:24]
    namespace, _, last = item.name.rpartition("/")
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"item-{reference}",
        "name": last or item.name or "unnamed",
        "purl": purl_of(item.type, item.name, item.version),
        "properties": [
            _property("held", "surely" if one.surely else "possibly"),
            *(_property("seen", _seen(hit, places)) for hit in one.hits),
        ],
    }
    if namespace:
        component["group"] = namespace
    if item.version:
        component["version"] = item.version
    if item.range:
        component["properties"].append(_property("admits", item.range))
    if item.filename:
        component["properties"].append(_property("filename", item.filename))
    algorithm, _, digits = item.digest.partition(":")
    name, length = _HASHES.get(algorithm, ("", 0))
    if name and len(digits) == length and set(digits) <= _HEX:
        component["hashes"] = [{"alg": name, "content": digits}]
    elif item.digest:
        component["properties"].append(_property("digest", item.digest))
    return component


def _seen(hit: Hit, places: Mapping[int, PlaceRow]) -> str:
    place = places.get(hit.place)
    where = f"{place.kind} {place.locator}" if place is not None else "somewhere"
    stage, quality = Stage(hit.stage).word, EvidenceClass(hit.evidence_class).word
    return f"{where}; {stage}; {quality}; entry {hit.entry}"


def _look(one: Watched) -> str:
    first, last = render_instant(from_micros(one.at_lo)), render_instant(from_micros(one.at_hi))
    rest = "" if one.whole and not one.gaps else f"; {one.gaps} gaps, not whole"
    return f"{one.mode} {first} to {last}; entry {one.entry}{rest}"


def _property(name: str, value: str) -> dict[str, str]:
    return {"name": f"pratique:{name}", "value": value}


def render_sbom_text(picture: Picture) -> str:
    """The picture for a person."""
    asset = picture.asset
    head = f"{asset.name} ({asset.kind}) at {render_instant(picture.moment)}"
    rows = [f"{head} · ledger entries below {picture.tx}"]
    for one in picture.held:
        item = one.item
        what = f"{item.type}/{item.name} {item.version or item.range}".rstrip()
        rows.append(f"  {what}" + ("" if one.surely else "  (possibly)"))
        rows += [f"      {_seen(hit, picture.places)}" for hit in one.hits]
    if not picture.held:
        rows.append("  nothing was seen")
    if not picture.whole:
        rows.append("Nobody watched at that instant and read everything: more may have been there.")
    rows += [f"  look: {_look(one)}" for one in picture.looks]
    return "\n".join(printable(row) for row in rows)
