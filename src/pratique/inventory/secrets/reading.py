"""Which files hold credentials, and which reader understands each.

The table follows what the LiteLLM payload of March 2026 collected (docs/explain/reach.md): what a thief
looks for is what has to be known. A file that cannot be understood still counts as one credential,
named by its path, and the misunderstanding is a gap.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from pratique.inventory.observed.model import Identity
from pratique.inventory.secrets import ci_files, cloud_files, env_files, key_files, login_files
from pratique.inventory.secrets.fingerprints import Fingerprints
from pratique.inventory.secrets.text import NotUnderstoodError

MAX_BYTES: Final = 4 << 20
"""Of a file that is read; a kubeconfig of a thousand clusters has 2 MB."""

Parse: TypeAlias = Callable[[str, bytes, Fingerprints], Iterable[Identity]]
"""Path, content and fingerprints → identities. Raises: NotUnderstoodError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFile:
    """One sort of file that holds credentials."""

    kind: str
    """Kind of the identity when the file is not understood, or not read."""
    patterns: tuple[str, ...]
    """Ends of paths, with `*` inside one part: `.aws/credentials`."""
    parse: Parse | None = None
    """None: its presence is all that is told; it is not opened."""
    mandatory: bool = True
    """Whether such a file always is a credential; others may turn out to hold none."""


class SecretsFound(NamedTuple):
    """What a file told."""

    identities: tuple[Identity, ...]
    why: str
    """Why it was not understood whole; empty when it was."""


FILES: Final[tuple[CredentialFile, ...]] = (
    CredentialFile(kind="ssh-key", patterns=(".ssh/*",), parse=key_files.ssh, mandatory=False),
    CredentialFile(
        kind="ssh-host-key", patterns=("etc/ssh/ssh_host_*_key",), parse=key_files.ssh_host
    ),
    CredentialFile(
        kind="aws-credentials", patterns=(".aws/credentials",), parse=cloud_files.aws_credentials
    ),
    CredentialFile(
        kind="s3-login",
        patterns=(".s3cfg", ".passwd-s3fs", "rclone/rclone.conf", ".rclone.conf"),
        parse=cloud_files.nothing_more,
    ),
    CredentialFile(
        kind="s3-login",
        patterns=(".aws/config", ".dvc/config", ".dvc/config.local", ".boto"),
        parse=cloud_files.nothing_more,
        mandatory=False,
    ),
    CredentialFile(kind="aws-token", patterns=(".aws/sso/cache/*.json", ".aws/cli/cache/*.json")),
    CredentialFile(
        kind="gcp-credentials",
        patterns=(
            "gcloud/application_default_credentials.json",
            "gcloud/legacy_credentials/*/adc.json",
            "*service-account*.json",
            "*service_account*.json",
            "*-sa-key.json",
        ),
        parse=cloud_files.google,
        mandatory=False,
    ),
    CredentialFile(kind="gcp-token", patterns=("gcloud/credentials.db", "gcloud/access_tokens.db")),
    CredentialFile(
        kind="azure-token",
        patterns=(
            ".azure/msal_token_cache.*",
            ".azure/accessTokens.json",
            ".azure/service_principal_entries.*",
        ),
    ),
    CredentialFile(
        kind="azure-account",
        patterns=(".azure/azureProfile.json",),
        parse=cloud_files.azure_profile,
        mandatory=False,
    ),
    CredentialFile(
        kind="kubernetes-user",
        patterns=(".kube/config", "etc/kubernetes/*.conf", "kubeconfig", "*.kubeconfig"),
        parse=cloud_files.kubeconfig,
    ),
    CredentialFile(
        kind="kubernetes-service-account",
        patterns=("secrets/kubernetes.io/serviceaccount/token",),
        parse=cloud_files.service_account_token,
    ),
    CredentialFile(
        kind="registry-login",
        patterns=(".docker/config.json", ".dockercfg", ".config/containers/auth.json"),
        parse=login_files.docker,
        mandatory=False,
    ),
    CredentialFile(
        kind="npm-token", patterns=(".npmrc",), parse=login_files.npmrc, mandatory=False
    ),
    CredentialFile(kind="netrc-login", patterns=(".netrc", "_netrc"), parse=login_files.netrc),
    CredentialFile(kind="index-login", patterns=(".pypirc",), parse=login_files.pypirc),
    CredentialFile(kind="vault-token", patterns=(".vault-token",), parse=key_files.whole_token),
    CredentialFile(kind="database-login", patterns=(".pgpass",), parse=login_files.pgpass),
    CredentialFile(
        kind="database-login", patterns=(".my.cnf",), parse=login_files.my_cnf, mandatory=False
    ),
    CredentialFile(
        kind="git-credential",
        patterns=(".git-credentials", ".config/git/credentials"),
        parse=login_files.git_credentials,
    ),
    CredentialFile(
        kind="git-credential",
        patterns=(".config/gh/hosts.yml", ".config/glab-cli/config.yml"),
        parse=login_files.forge_hosts,
        mandatory=False,
    ),
    CredentialFile(
        kind="key-file", patterns=("*.pem", "*.key"), parse=key_files.private_key, mandatory=False
    ),
    CredentialFile(kind="key-file", patterns=("*.p12", "*.pfx", "*.jks")),
    CredentialFile(kind="terraform-state", patterns=("*.tfstate", "*.tfstate.backup")),
    CredentialFile(
        kind="terraform-variables",
        patterns=("*.tfvars",),
        parse=env_files.terraform_variables,
        mandatory=False,
    ),
    CredentialFile(kind="account-hashes", patterns=("etc/shadow", "etc/gshadow")),
    CredentialFile(
        kind="shell-history",
        patterns=(
            ".bash_history",
            ".zsh_history",
            ".sh_history",
            ".history",
            ".python_history",
            ".psql_history",
            ".mysql_history",
            ".local/share/fish/fish_history",
        ),
    ),
    CredentialFile(
        kind="wallet",
        patterns=("wallet.dat", ".ethereum/keystore/*", ".config/solana/id.json", ".electrum/*"),
    ),
    CredentialFile(
        kind="env",
        patterns=(".env", ".env.*", "*.env", ".envrc"),
        parse=env_files.env,
        mandatory=False,
    ),
    CredentialFile(
        kind="ci-secret",
        patterns=(".github/workflows/*.yml", ".github/workflows/*.yaml"),
        parse=ci_files.github,
        mandatory=False,
    ),
    CredentialFile(
        kind="ci-secret",
        patterns=(".gitlab-ci.yml", ".gitlab-ci.yaml"),
        parse=ci_files.gitlab,
        mandatory=False,
    ),
)
_LEASE: Final = re.compile(rb"(?<![A-Za-z0-9+/_-])PQL[A-Z2-7]{17}(?![A-Za-z0-9+/=_-])")
_SAMPLES: Final = (".example", ".sample", ".template", ".dist", ".schema", ".defaults")


def credential_file(path: str) -> CredentialFile | None:
    """Which sort of credential file a path is, told by its name alone; `/` between parts."""
    folder, _, name = path.rpartition("/")
    candidates = [*_BY_NAME.get(name, ()), *_BY_PARENT.get(folder.rpartition("/")[2], ())]
    # One pattern for all: a sweep asks this of every file of a machine.
    if _ANY.match(name) is not None:
        candidates += [one for pattern, one in _BY_PATTERN if pattern.match(name)]
    if not candidates or any(mark in name for mark in _SAMPLES):
        return None
    parts = path.split("/")
    return next((one for one in candidates if _fits(one, parts)), None)


def _fits(one: CredentialFile, parts: list[str]) -> bool:
    for pattern in one.patterns:
        wanted = pattern.split("/")
        tail = parts[-len(wanted) :]
        if len(tail) == len(wanted) and all(map(fnmatch.fnmatchcase, tail, wanted)):
            return True
    return False


_Index: TypeAlias = dict[str, list[CredentialFile]]
_Pattern: TypeAlias = re.Pattern[str]


def _sorted_out() -> tuple[_Index, _Index, list[tuple[_Pattern, CredentialFile]], _Pattern]:
    """Sorts by last part, by folder where the last part may be anything, and by pattern."""
    named: _Index = {}
    below: _Index = {}
    patterned: list[tuple[str, CredentialFile]] = []
    for one in FILES:
        for pattern in one.patterns:
            folder, _, last = pattern.rpartition("/")
            if last == "*":
                below.setdefault(folder.rpartition("/")[2], []).append(one)
            elif "*" in last:
                patterned.append((last, one))
            else:
                named.setdefault(last, []).append(one)
    compiled = [(re.compile(fnmatch.translate(last)), one) for last, one in patterned]
    any_of_them = "|".join(fnmatch.translate(last) for last, _ in patterned)
    return named, below, compiled, re.compile(any_of_them)


_BY_NAME, _BY_PARENT, _BY_PATTERN, _ANY = _sorted_out()


def read_credentials(
    sort: CredentialFile, path: str, data: bytes | None, fingerprints: Fingerprints
) -> SecretsFound:
    """The identities of a file.

    `data` is None for a file whose presence is all that is told. Shape: never raises; what was not
    understood is said without a word of the content.
    """
    if data is None or sort.parse is None:
        presence = Identity(kind=sort.kind, name=path, locator=path, local=True)
        return SecretsFound((presence,), "")
    found = _read(sort, sort.parse, path, data, fingerprints)
    leases = leases_in(path, data)
    return found._replace(identities=(*found.identities, *leases)) if leases else found


def leases_in(path: str, data: bytes) -> tuple[Identity, ...]:
    """Leases of our own S3 door whose access key stands in a file: ids, which are no secrets.

    They stand in whatever an S3 client reads: credentials, env files, configurations of tools. Whoever
    has the file has the secret beside it.
    """
    return tuple(
        Identity(kind="lease", name=name.decode("ascii"), locator=path)
        for name in dict.fromkeys(_LEASE.findall(data))
    )


def _read(
    sort: CredentialFile, parse: Parse, path: str, data: bytes, fingerprints: Fingerprints
) -> SecretsFound:
    presence = Identity(kind=sort.kind, name=path, locator=path, local=True)
    try:
        found = tuple(dict.fromkeys(parse(path, data, fingerprints)))
    except NotUnderstoodError as error:
        return SecretsFound((presence,) if sort.mandatory else (), error.message)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        # Nothing of the error is told: its text may quote the file.
        return SecretsFound((presence,) if sort.mandatory else (), "it is not written as expected")
    if not found and sort.mandatory and data.strip():
        found = (presence,)
    return SecretsFound(found, "")
