"""Names of secrets in listings as the vendors' own tools print them. Values in them are never read.

kubectl get secrets -A -o json                  aws secretsmanager list-secrets
aws ssm describe-parameters                     aws iam list-access-keys | list-users | list-roles
vault kv list -format=json PATH                 vault secrets list -format=json
gcloud secrets list --format=json               az keyvault secret list
gh secret list --json name,updatedAt            glab variable list --output json
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from pratique.inventory.observed.model import Identity
from pratique.inventory.secrets.text import (
    NotUnderstoodError,
    json_of,
    name_of,
    table_at,
    word_at,
)

MAX_NAMES: Final = 200_000


def read_listing(data: bytes, *, prefix: str = "") -> tuple[Identity, ...]:
    """The identities that an exported listing names.

    `prefix` stands before names that a listing leaves relative (a Vault path, a repository, a project).
    Raises: NotUnderstoodError when it is none of the listings known, or is too long.
    """
    found = tuple(dict.fromkeys(_identities(json_of(data), prefix.strip("/"))))
    if len(found) > MAX_NAMES:
        raise NotUnderstoodError(f"it has more than {MAX_NAMES:,} names")
    return tuple(sorted(found))


def _identities(content: Any, prefix: str) -> Iterator[Identity]:  # noqa: ANN401 - JSON of anything
    if isinstance(content, list):
        yield from _list(content, prefix)
        return
    if not isinstance(content, dict):
        raise NotUnderstoodError("it is not one of the listings known")
    for key, read in _KEYED.items():
        if isinstance(content.get(key), list):
            for one in content[key]:
                yield from read(one)
            return
    if content.get("kind") == "Secret":
        yield from _kubernetes(content)
    elif content and all(k.endswith("/") and "type" in table_at(v) for k, v in content.items()):
        yield from (Identity(kind="vault-mount", name=name_of(key)) for key in content)
    else:
        raise NotUnderstoodError("it is not one of the listings known")


def _list(content: list[Any], prefix: str) -> Iterator[Identity]:
    for one in content:
        if isinstance(one, str):
            name = name_of(f"{prefix}/{one}" if prefix else one)
            yield Identity(kind="vault-secret", name=name)
        else:
            yield from _record(one, prefix)


def _record(one: object, prefix: str) -> Iterator[Identity]:
    """A record of a list: gcloud, az, gh and glab print lists of mappings."""
    name, id_, key = word_at(one, "name"), word_at(one, "id"), word_at(one, "key")
    if name.startswith("projects/") and "/secrets/" in name:
        yield Identity(kind="gcp-secret", name=name)
    elif "/secrets/" in id_ and "://" in id_:
        yield Identity(kind="azure-secret", name=id_.partition("://")[2])
    elif key and isinstance(one, dict) and ("value" in one or "variable_type" in one):
        yield Identity(kind="ci-secret", name=_below(prefix, key))
    elif name:
        yield Identity(kind="ci-secret", name=_below(prefix, name))
    else:
        raise NotUnderstoodError("a record of the list has no name")


def _below(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name


def _kubernetes(one: object) -> Iterator[Identity]:
    metadata = table_at(one, "metadata")
    name, namespace = word_at(metadata, "name"), word_at(metadata, "namespace") or "default"
    if name and word_at(one, "kind") in {"Secret", ""}:
        yield Identity(kind="kubernetes-secret", name=f"{namespace}/{name}")


def _aws_secret(one: object) -> Iterator[Identity]:
    yield from _aws("aws-secret", one, "Name", "ARN")


def _parameter(one: object) -> Iterator[Identity]:
    yield from _aws("aws-parameter", one, "Name", "ARN")


def _user(one: object) -> Iterator[Identity]:
    yield from _aws("aws-user", one, "UserName", "Arn")


def _role(one: object) -> Iterator[Identity]:
    yield from _aws("aws-role", one, "RoleName", "Arn")


def _access_key(one: object) -> Iterator[Identity]:
    user, id_ = word_at(one, "UserName"), word_at(one, "AccessKeyId")
    if id_:
        yield Identity(kind="aws-access-key", name=f"{user}/{id_}" if user else id_)


def _aws(kind: str, one: object, name: str, arn: str) -> Iterator[Identity]:
    if word_at(one, name):
        yield Identity(kind=kind, name=word_at(one, arn) or word_at(one, name))


_KEYED: Final[dict[str, Callable[[object], Iterator[Identity]]]] = {
    "items": _kubernetes,
    "SecretList": _aws_secret,
    "Parameters": _parameter,
    "AccessKeyMetadata": _access_key,
    "Users": _user,
    "Roles": _role,
}
