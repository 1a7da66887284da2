"""What was promised, compared with what is seen: one module per rule, all of them in `CHECKS`.

A check is a pure function of gathered facts and an instant. What nobody looked at, or what nobody gave,
is a finding too (`unknown`). docs/reference/party-checks.md describes each.
"""

from __future__ import annotations

from typing import Final

from pratique.parties.checks import (
    budgets_purpose,
    builds_locked,
    components_poisoned,
    components_vulnerable,
    contract_clocks,
    contract_ended,
    data_residency,
    drill_recent,
    evidence_expired,
    evidence_fresh,
    evidence_signed,
    evidence_usable,
    holders_named,
    issuers_promised,
    keys_shared,
    leases_old,
    reads_networks,
    register_readable,
    sbom_own,
    sub_processors,
)
from pratique.parties.checks.rule import Check

CHECKS: Final[tuple[Check, ...]] = (
    components_poisoned.CHECK,
    components_vulnerable.CHECK,
    holders_named.CHECK,
    reads_networks.CHECK,
    issuers_promised.CHECK,
    budgets_purpose.CHECK,
    leases_old.CHECK,
    contract_clocks.CHECK,
    contract_ended.CHECK,
    sub_processors.CHECK,
    data_residency.CHECK,
    drill_recent.CHECK,
    evidence_fresh.CHECK,
    evidence_expired.CHECK,
    evidence_signed.CHECK,
    evidence_usable.CHECK,
    keys_shared.CHECK,
    sbom_own.CHECK,
    builds_locked.CHECK,
    register_readable.CHECK,
)
"""All rules, in the order in which they are told."""

BY_NAME: Final = {one.name: one for one in CHECKS}
COMPONENT_CHECKS: Final = (components_poisoned.CHECK, components_vulnerable.CHECK)
"""Those that an advisory bears on."""
