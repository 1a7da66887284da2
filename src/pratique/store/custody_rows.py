"""Rows of custody as values, and values as the parameters of their statements."""

from __future__ import annotations

import msgspec

from pratique.custody.model import (
    Copy,
    Dataset,
    Lease,
    LeaseId,
    ObjectId,
    Scope,
    ScopeId,
    ScopeState,
    StoredObject,
    Verb,
)
from pratique.custody.ports import Upload, Version
from pratique.errors import InputError
from pratique.store.connect import Row
from pratique.values.digests import Sha256
from pratique.values.spans import from_micros, from_micros_or_null, to_micros, to_micros_or_null


def key_bytes(key: str) -> bytes:
    """A key as it is stored and sorted. Raises: InputError when it is not UTF-8."""
    try:
        return key.encode()
    except UnicodeEncodeError:
        raise InputError("a key that is not UTF-8", expected="text without surrogates") from None


def _pack(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _words(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return msgspec.json.decode(text, type=tuple[tuple[str, str], ...])


def dataset_of(row: Row) -> Dataset:
    """A row of `find_dataset`."""
    name, client, classification, purposes, residency, sealed, seal_key, made, shredded, version = (
        row
    )
    return Dataset(
        name=name,
        client=client,
        classification=classification,
        purposes=frozenset(_words(purposes)),
        residency=residency,
        sealed=bool(sealed),
        seal_key=bytes(seal_key),
        created_at=from_micros(made),
        shredded_at=from_micros_or_null(shredded),
        version=version,
    )


def dataset_values(dataset: Dataset) -> dict[str, object]:
    """Parameters of `add_dataset`."""
    return {
        "name": dataset.name,
        "client": dataset.client,
        "classification": dataset.classification,
        "purposes": _pack(sorted(dataset.purposes)),
        "residency": dataset.residency,
        "sealed": int(dataset.sealed),
        "seal_key": dataset.seal_key,
        "created_at": to_micros(dataset.created_at),
        "shredded_at": to_micros_or_null(dataset.shredded_at),
        "version": dataset.version,
    }


def object_of(row: Row) -> StoredObject:
    """A row of `find_object`."""
    object_id, dataset, key, size, sha256, media_type, metadata, wrapped, created_at, lease = row
    return StoredObject(
        id=ObjectId(object_id),
        dataset=dataset,
        key=bytes(key).decode(),
        size=size,
        sha256=Sha256(sha256),
        media_type=media_type,
        metadata=_pairs(metadata),
        wrapped_key=bytes(wrapped),
        created_at=from_micros(created_at),
        by_lease=lease,
    )


def object_values(stored: StoredObject) -> dict[str, object]:
    """Parameters of `add_object`, but for its version."""
    return {
        "id": stored.id,
        "dataset": stored.dataset,
        "key": key_bytes(stored.key),
        "size": stored.size,
        "sha256": stored.sha256,
        "media_type": stored.media_type,
        "metadata": _pack(stored.metadata),
        "wrapped_key": stored.wrapped_key,
        "created_at": to_micros(stored.created_at),
        "by_lease": stored.by_lease,
    }


def version_of(row: Row) -> Version:
    """A row of `list_versions`."""
    dataset, number, root, objects, size, sealed_at = row
    return Version(
        dataset=dataset,
        number=number,
        root=root,
        objects=objects,
        bytes=size,
        sealed_at=from_micros(sealed_at),
    )


def upload_of(row: Row) -> Upload:
    """A row of `find_upload`."""
    upload_id, dataset, key, lease, object_id, media_type, metadata, wrapped, begun_at = row
    return Upload(
        id=upload_id,
        dataset=dataset,
        key=bytes(key).decode(),
        lease=LeaseId(lease),
        object=ObjectId(object_id),
        media_type=media_type,
        metadata=_pairs(metadata),
        wrapped_key=bytes(wrapped),
        begun_at=from_micros(begun_at),
    )


def upload_values(upload: Upload) -> dict[str, object]:
    """Parameters of `add_upload`."""
    return {
        "id": upload.id,
        "dataset": upload.dataset,
        "key": key_bytes(upload.key),
        "lease": upload.lease,
        "object": upload.object,
        "media_type": upload.media_type,
        "metadata": _pack(upload.metadata),
        "wrapped_key": upload.wrapped_key,
        "begun_at": to_micros(upload.begun_at),
    }


def lease_of(row: Row) -> Lease:
    """A row of `find_lease`."""
    lease_id, holder, vendor, project, client, purpose, selectors, verbs, copy = row[:9]
    cap_bytes, cap_objects, rate, networks, granted_at, not_before, not_after, by, statement = row[
        9:
    ]
    return Lease(
        id=LeaseId(lease_id),
        holder=holder,
        vendor=vendor,
        project=project,
        client=client,
        purpose=purpose,
        selectors=_words(selectors),
        verbs=frozenset(Verb(verb) for verb in verbs.split()),
        copy=Copy(copy),
        budget_bytes=cap_bytes,
        budget_objects=cap_objects,
        rate=rate,
        networks=_words(networks),
        granted_at=from_micros(granted_at),
        not_before=from_micros(not_before),
        not_after=from_micros(not_after),
        granted_by=by,
        certificate=bytes(statement),
    )


def lease_values(lease: Lease) -> dict[str, object]:
    """Parameters of `add_lease`; the budget goes into its scope."""
    return {
        "id": lease.id,
        "holder": lease.holder,
        "vendor": lease.vendor,
        "project": lease.project,
        "client": lease.client,
        "purpose": lease.purpose,
        "selectors": _pack(lease.selectors),
        "verbs": " ".join(sorted(lease.verbs)),
        "copy": lease.copy.value,
        "rate": lease.rate,
        "networks": _pack(lease.networks),
        "granted_at": to_micros(lease.granted_at),
        "not_before": to_micros(lease.not_before),
        "not_after": to_micros(lease.not_after),
        "granted_by": lease.granted_by,
        "certificate": lease.certificate,
    }


def scope_of(row: Row) -> Scope:
    """The first nine columns of a row of scopes."""
    scope_id, state, reason, incident, cap_bytes, cap_objects, reserved, objects, epoch = row[:9]
    return Scope(
        id=ScopeId(scope_id),
        state=ScopeState(state),
        reason=reason,
        incident=incident,
        cap_bytes=cap_bytes,
        cap_objects=cap_objects,
        reserved_bytes=reserved,
        reserved_objects=objects,
        changed_epoch=epoch,
    )
