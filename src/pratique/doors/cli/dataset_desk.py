"""What commands about datasets share: the terms of one, its keys, its versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pratique.custody.entries import dataset_entry, version_entry
from pratique.custody.key_entries import key_entry
from pratique.custody.manifest import content_of
from pratique.custody.model import Dataset, StoredObject
from pratique.custody.ports import DatasetState, Version
from pratique.custody.s3_errors import S3Error
from pratique.custody.s3_names import check_bucket
from pratique.custody.scopes import parse_word
from pratique.doors.cli.custody_desk import CustodyDesk
from pratique.doors.cli.stores import operator
from pratique.errors import InputError
from pratique.values.instants import now_utc

if TYPE_CHECKING:
    from pratique.edge.custody.broker_admin import BrokerAdmin

_PAGE: Final = 1000
_LONGEST_RESIDENCY: Final = 100
_MAX_PEM: Final = 16 * 1024
_NEEDED: Final = {
    "--client": "--client NAME (whose data it is)",
    "--classification": "--classification WORD (such as internal, confidential, personal, biometric)",
    "--purpose": "--purpose WORD (what leases may be granted for, such as labelling)",
}
_HEX_KEY: Final = re.compile(r"[0-9a-fA-F]{64}")


def existing_dataset(state: DatasetState, name: str) -> Dataset:
    """A dataset that is there, shredded ones included. Raises: InputError."""
    found = state.dataset(name)
    if found is None:
        near = [one.name for one in state.datasets()][:10]
        raise InputError(
            f"no dataset {name[:80]!r}",
            expected=f"one of {', '.join(near)}" if near else "",
            remedy="see: pratique dataset list" if near else "make one: pratique dataset add",
        )
    return found


def readable_dataset(state: DatasetState, name: str) -> Dataset:
    """A dataset that is there and not shredded. Raises: InputError."""
    found = existing_dataset(state, name)
    if found.shredded_at is not None:
        raise InputError(f"dataset {name} was shredded: nothing of it can be read or changed")
    return found


def parse_name(name: str) -> str:
    """Read the name of a dataset. Raises: InputError."""
    try:
        return check_bucket(name)
    except S3Error as error:
        raise InputError(
            f"not a name for a dataset: {name[:80]!r}", expected=error.message
        ) from None


def parse_new(
    name: str,
    *,
    client: str,
    classification: str,
    purposes: tuple[str, ...],
    residency: str,
    seal_key: bytes,
) -> Dataset:
    """Terms of a dataset that is not there yet. Raises: InputError naming what is missing or wrong."""
    needed = {"--client": client, "--classification": classification, "--purpose": purposes}
    missing = [option for option, value in needed.items() if not value]
    if missing:
        raise InputError(
            f"dataset {name} is new, and needs {', '.join(missing)}",
            remedy=f"add {', '.join(_NEEDED[option] for option in missing)}",
        )
    if len(residency) > _LONGEST_RESIDENCY or not residency.isprintable():
        raise InputError(
            "not a residency",
            expected=f"up to {_LONGEST_RESIDENCY} printable characters, such as EU",
        )
    return Dataset(
        name=parse_name(name),
        client=parse_word(client, what="client"),
        classification=parse_word(classification, what="classification"),
        purposes=frozenset(parse_word(purpose, what="purpose") for purpose in purposes),
        residency=residency,
        sealed=bool(seal_key),
        seal_key=seal_key,
        created_at=now_utc(),
        shredded_at=None,
        version=0,
    )


def check_same(
    dataset: Dataset,
    *,
    client: str,
    classification: str,
    purposes: tuple[str, ...],
    residency: str,
    seal_key: bytes,
) -> None:
    """Refuse to go on with a dataset under terms that it does not have. Raises: InputError."""
    given = (
        ("--client", client, dataset.client),
        ("--classification", classification, dataset.classification),
        ("--purpose", frozenset(purposes), dataset.purposes),
        ("--residency", residency, dataset.residency),
        ("--sealed-to", seal_key, dataset.seal_key),
    )
    for option, asked, held in given:
        if asked and asked != held:
            shown = "" if isinstance(held, bytes) else f": {_shown(held)}"
            raise InputError(
                f"dataset {dataset.name} is there already, with another {option}{shown}",
                remedy="leave the option out to add to it, or choose another name",
            )


def _shown(held: str | frozenset[str]) -> str:
    return held if isinstance(held, str) else ", ".join(sorted(held))


def read_public_key(text: str) -> bytes:
    """The client's public key (X25519) as datasets keep it: a PEM file, or 64 hexadecimal digits.

    Raises: InputError, SealError.
    """
    from pratique.custody.sealing import parse_public_key  # noqa: PLC0415 - few commands need it

    expected = (
        "PEM of an X25519 key, as `openssl pkey -in PRIVATE.pem -pubout` prints it, "
        "or the 64 digits that `pratique submission make-key` prints"
    )
    key = bytes.fromhex(text) if _HEX_KEY.fullmatch(text) else _pem_key(Path(text), expected)
    parse_public_key(key)
    return key


def _pem_key(path: Path, expected: str) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415 - as above

    try:
        with path.open("rb") as file:
            data = file.read(_MAX_PEM + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", expected=expected) from error
    if b"PRIVATE" in data:
        raise InputError(
            f"{path} holds a private key, which must never be here",
            expected=expected,
            remedy="give the public one; the private one stays with the client",
        )
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(f"{path} is no public key", expected=expected) from None
    if not isinstance(key, X25519PublicKey):
        raise InputError(f"{path} is not a key of the kind X25519", expected=expected)
    return key.public_bytes_raw()


def make_dataset(desk: CustodyDesk, admin: BrokerAdmin | None, dataset: Dataset) -> None:
    """Keys, entries and row of a new dataset; whatever a crash left of it is gone on with.

    Order: the keys are durable, then their entries, then the row, from which moment it can be used.
    Raises: BrokerRefusedError when the name was used by a dataset that is shredded.
    """
    actor = operator()
    drafts = []
    if admin is not None:  # a sealed dataset has no key here
        live = {(key.kind, key.name): key for key in admin.all_keys() if key.state == "live"}
        if ("client", dataset.client) not in live:
            made = admin.make_client(dataset.client)
            subject = f"client:{dataset.client}"
            drafts.append(key_entry(subject, "made", generation=made.generation, actor=actor))
        held = live.get(("dataset", dataset.name))
        if held is None:
            generation = admin.make_dataset(dataset.name, dataset.client).generation
        elif held.client != dataset.client:
            raise InputError(f"the key of dataset {dataset.name} is under client {held.client}")
        else:
            generation = held.generation
        subject = f"dataset:{dataset.name}"
        drafts.append(key_entry(subject, "made", generation=generation, actor=actor))
    drafts.append(dataset_entry(dataset, actor=actor))
    desk.stores.log.append(drafts, now=now_utc())
    desk.custody.add_dataset(dataset)


def standing(state: DatasetState, dataset: str) -> Iterator[StoredObject]:
    """What stands in a dataset now, by key."""
    after = ""
    while page := state.objects(dataset, after=after, limit=_PAGE):
        yield from page
        after = page[-1].key


def seal_next(desk: CustodyDesk, name: str, *, source: str) -> Version | None:
    """Seal what stands in a dataset as its next version; None when the newest one is the same.

    Raises: InputError when there is nothing in it, or somebody writes meanwhile.
    """
    state = desk.custody
    revision = state.revision(name)
    content = content_of(standing(state, name))
    if not content.objects:
        raise InputError(f"dataset {name} has no objects: there is nothing to seal")
    versions = state.versions(name)
    if versions and versions[-1].root == content.root:
        return None
    version = Version(
        dataset=name,
        number=len(versions) + 1,
        root=content.root,
        objects=content.objects,
        bytes=content.bytes,
        sealed_at=now_utc(),
    )
    if state.revision(name) != revision:
        raise InputError(
            f"objects of {name!r} were changed while its version was computed",
            remedy="seal it again while nobody writes: pratique dataset seal",
        )
    # 1. The entry is durable. 2. The version is there.
    desk.stores.record(
        version_entry(version, source=source, actor=operator()), now=version.sealed_at
    )
    state.seal_version(version, revision=revision)
    return version
