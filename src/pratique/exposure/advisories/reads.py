"""Which identities a payload could read: its groups of places against the kinds of identities.

Unknown on either side counts as read: a kind that this table does not know, or an advisory that says
nothing of what it reads, never makes a credential safe.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pratique.exposure.advisories.model import Payload, ReadGroup

KINDS: Final[dict[ReadGroup, frozenset[str]]] = {
    ReadGroup.ENV: frozenset({"env"}),
    ReadGroup.SSH: frozenset({"ssh-key", "ssh-host-key"}),
    ReadGroup.GIT: frozenset({"git-credential"}),
    ReadGroup.AWS: frozenset({"aws-access-key", "aws-session", "aws-token", "aws-credentials"}),
    ReadGroup.GCLOUD: frozenset({"gcp-credentials", "gcp-service-account", "gcp-token"}),
    ReadGroup.AZURE: frozenset({"azure-token", "azure-account"}),
    ReadGroup.KUBERNETES: frozenset({"kubernetes-user", "kubernetes-service-account"}),
    ReadGroup.DOCKER: frozenset({"registry-login"}),
    ReadGroup.NPM: frozenset({"npm-token"}),
    ReadGroup.PYPI: frozenset({"index-login"}),
    ReadGroup.NETRC: frozenset({"netrc-login"}),
    ReadGroup.VAULT: frozenset({"vault-token"}),
    ReadGroup.DATABASES: frozenset({"database-login"}),
    ReadGroup.KEYS: frozenset({"key-file"}),
    ReadGroup.TERRAFORM: frozenset({"terraform-state", "terraform-variables"}),
    ReadGroup.SHELL_HISTORY: frozenset({"shell-history"}),
    ReadGroup.WALLETS: frozenset({"wallet"}),
    ReadGroup.ACCOUNTS: frozenset({"account-hashes"}),
    ReadGroup.CLOUD_METADATA: frozenset({"aws-role", "instance-role"}),
    ReadGroup.SECRET_STORES: frozenset(
        {"aws-secret", "aws-parameter", "kubernetes-secret", "vault-secret", "vault-mount",
         "gcp-secret", "azure-secret"}
    ),
    ReadGroup.CI_SECRETS: frozenset({"ci-secret"}),
}  # fmt: skip
_KNOWN: Final = frozenset(kind for kinds in KINDS.values() for kind in kinds)


def may_read(kind: str, payloads: Iterable[Payload]) -> bool:
    """Whether one of these payloads may have read an identity of this kind."""
    told = [payload for payload in payloads if payload.reads]
    if not told or kind not in _KNOWN:
        return True
    groups = {group for payload in told for group in payload.reads}
    return ReadGroup.EVERYTHING in groups or any(kind in KINDS.get(g, ()) for g in groups)
