"""Ledger entries of custody (docs/reference/ledger-entries.md), as drafts.

An entry names objects by id, never by key, and holds no secret; a lease's certificate enters as its
hash. `reads`, `read-refused` and drills are written by the doors.
"""

from __future__ import annotations

import hashlib

from pratique.custody.granting import BudgetRequest, RequestState
from pratique.custody.model import Dataset, Lease, Scope, ScopeId, ScopeState, StoredObject
from pratique.custody.ports import Version
from pratique.custody.velocity import BY_RULE
from pratique.ledger.entries import Draft
from pratique.values.instants import render_instant


def lease_entry(lease: Lease, *, actor: str, via: str = "cli", reason: str = "") -> Draft:
    """A lease is granted; `reason` says why it reads canonical bytes, where it must."""
    return Draft(
        kind="lease",
        subject=f"lease:{lease.id}",
        actor=actor,
        body={
            "holder": lease.holder,
            "vendor": lease.vendor,
            "project": lease.project,
            "client": lease.client,
            "purpose": lease.purpose,
            "selectors": list(lease.selectors),
            "verbs": sorted(lease.verbs),
            "copy": lease.copy.value,
            "budget_bytes": lease.budget_bytes,
            "budget_objects": lease.budget_objects,
            "rate": lease.rate,
            "networks": list(lease.networks),
            "not_before": render_instant(lease.not_before),
            "not_after": render_instant(lease.not_after),
            "certificate_sha256": hashlib.sha256(lease.certificate).hexdigest(),
            "via": via,
            "reason": reason,
        },
    )


def budget_entry(
    request: BudgetRequest, action: RequestState, *, actor: str, token: str = ""
) -> Draft:
    """A larger budget is asked for, approved or declined; `token`: by which one (its id)."""
    return Draft(
        kind="lease-budget",
        subject=f"lease:{request.lease}",
        actor=actor,
        body={
            "action": action.value,
            "request": request.id,
            "budget_bytes": request.budget_bytes,
            "budget_objects": request.budget_objects,
            "reason": request.reason,
            "token": token,
        },
    )


def state_entry(
    scope: Scope,
    state: ScopeState,
    *,
    reason: str,
    incident: str,
    epoch: int,
    actor: str,
    by_rule: str = "",
) -> Draft:
    """A scope is suspended, resumed or ended. `epoch`: the one before this comes into force."""
    live = state is ScopeState.LIVE
    return _scope_entry(
        scope.id,
        actor=actor,
        changed="state",
        state=state.value,
        reason=reason,
        incident="" if live else incident,
        cap_bytes=scope.cap_bytes,
        cap_objects=scope.cap_objects,
        epoch=epoch,
        by_rule=by_rule,
    )


def rule_entry(scope: Scope, *, actor: str) -> Draft:
    """The entry of a scope that `LeaseState.unlogged` names."""
    return state_entry(
        scope,
        scope.state,
        reason=scope.reason,
        incident=scope.incident,
        epoch=scope.changed_epoch,
        actor=actor,
        by_rule=BY_RULE,
    )


def caps_entry(
    scope: Scope,
    *,
    cap_bytes: int | None,
    cap_objects: int | None,
    reason: str,
    epoch: int,
    actor: str,
) -> Draft:
    """A scope's caps are set."""
    return _scope_entry(
        scope.id,
        actor=actor,
        changed="caps",
        state=scope.state.value,
        reason=reason,
        incident=scope.incident,
        cap_bytes=cap_bytes,
        cap_objects=cap_objects,
        epoch=epoch,
        by_rule="",
    )


def _scope_entry(scope: ScopeId, *, actor: str, **body: str | int | None) -> Draft:
    return Draft(kind="scope", subject=f"scope:{scope}", actor=actor, body=body)


def dataset_entry(dataset: Dataset, *, actor: str) -> Draft:
    """A dataset is registered."""
    return Draft(
        kind="dataset",
        subject=f"dataset:{dataset.name}",
        actor=actor,
        body={
            "client": dataset.client,
            "classification": dataset.classification,
            "purposes": sorted(dataset.purposes),
            "residency": dataset.residency,
            "sealed": dataset.sealed,
            "seal_key": dataset.seal_key.hex(),
        },
    )


def version_entry(version: Version, *, source: str, actor: str) -> Draft:
    """A dataset's state is fixed; `source` is where it was registered from, without secrets."""
    return Draft(
        kind="dataset-version",
        subject=f"dataset:{version.dataset}",
        actor=actor,
        body={
            "version": version.number,
            "root": version.root,
            "objects": version.objects,
            "bytes": version.bytes,
            "source": source,
        },
    )


def object_entry(stored: StoredObject, *, reason: str, actor: str) -> Draft:
    """An object stands in a dataset from now on; `reason`: `put`, `upload` or `registered`."""
    return _object_entry("object", stored, reason=reason, actor=actor)


def object_removed_entry(stored: StoredObject, *, actor: str, lease: str = "") -> Draft:
    """An object stands there no more; `lease`: which one removed it."""
    draft = _object_entry("object-removed", stored, reason="removed", actor=actor)
    return Draft(
        kind=draft.kind,
        subject=draft.subject,
        actor=draft.actor,
        body={**draft.body, "lease": lease},
    )


def _object_entry(kind: str, stored: StoredObject, *, reason: str, actor: str) -> Draft:
    return Draft(
        kind=kind,
        subject=f"dataset:{stored.dataset}",
        actor=actor,
        body={
            "object": stored.id,
            "size": stored.size,
            "sha256": stored.sha256,
            "parts": stored.parts,
            "lease": stored.by_lease,
            "reason": reason,
        },
    )
