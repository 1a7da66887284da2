"""SBOMs of a vendor's products: whose product it is, and whether it takes the place of the last."""

from __future__ import annotations

from typing import Final

from pratique.inventory.sboms import SbomDocument, read_sbom
from pratique.parties.checks.products import is_of_product
from pratique.parties.evidence.model import Given, Reading, claim, line, moment
from pratique.parties.model import EvidenceKind, Party
from pratique.values.instants import render_instant

_GENERIC: Final = "generic"


def read_bill(data: bytes, given: Given, *, named: tuple[str, ...] = ()) -> Reading:
    """Read an SBOM; `named` is what a statement around it says that it is about."""
    document = read_sbom(data)
    media_type = "application/xml" if data.lstrip()[:1] == b"<" else "application/json"
    spellings = _spellings(document, given.party)
    subjects = spellings[:1] or tuple(one for one in named if one)
    product, faults = _product(spellings or named, given)
    faults = [*(f"it {why}" for why in document.defects), *faults]
    made_at = moment(document.claimed_at) or given.made_at
    if document.format and not document.components:
        faults.append("it lists no component, which no program lacks")
    newest = given.newest.get(product)
    if made_at is not None and newest is not None and made_at < newest:
        faults.append(
            f"it was made at {render_instant(made_at)}; the one that stands is of {render_instant(newest)}"
        )
    return Reading(
        kind=EvidenceKind.SBOM,
        media_type=media_type,
        subjects=_as_registered(subjects, product, document),
        made_at=made_at,
        claims=(
            claim("component-count", str(len(document.components))),
            claim("sbom-format", document.format or "not told"),
        ),
        faults=tuple(faults),
        sbom=document,
        product=product,
    )


def _product(subjects: tuple[str, ...], given: Given) -> tuple[str, list[str]]:
    """The product of the register that it is about, and what is wrong with that."""
    party = given.party
    found = next(
        (one for one in party.products for told in subjects if is_of_product(told, one)), ""
    )
    told = line(", ".join(subjects))
    if given.product and given.product not in party.products:
        return "", [f"{given.product} is no product of {party.name} in the register"]
    if given.product and subjects and found != given.product:
        return "", [f"it is about {told}, not about {given.product}"]
    if found or given.product:
        return found or given.product, []
    if not subjects:
        return "", ["it does not say what it is about; say --product"]
    if not party.products:
        return "", [
            f"the register names no product of {party.name}, so nobody can say whether {told} is one"
        ]
    whose = sorted(
        one.name
        for one in given.everybody.values()
        if one.name != party.name
        and any(is_of_product(said, owned) for said in subjects for owned in one.products)
    )
    by = f", which is of {', '.join(whose[:3])}" if whose else ""
    return "", [f"it is about {told}{by}, and about no product of {party.name}"]


def _spellings(document: SbomDocument, party: Party) -> tuple[str, ...]:
    """What the document is about, as the register may call it; the exact name first."""
    if document.subject is None:
        return ()
    item = document.subject.item
    version = f"@{item.version}" if item.version else ""
    if not item.name:
        return ()
    found = [f"pkg:{item.type}/{item.name}{version}"] if item.type else []
    if item.type in {"", _GENERIC}:
        found.append(f"{item.name}{version}")
        found.append(f"{item.name.removeprefix(f'{party.name}/')}{version}")
    return tuple(dict.fromkeys(line(one, 200) for one in found))


def _as_registered(
    subjects: tuple[str, ...], product: str, document: SbomDocument
) -> tuple[str, ...]:
    """Subjects as they are recorded: a product that is known is called as in the register."""
    if not product:
        return subjects
    version = line(document.subject.item.version) if document.subject is not None else ""
    return (f"{product}@{version}" if version else product,)
