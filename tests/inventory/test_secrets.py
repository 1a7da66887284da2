"""Credential files: every sort is known by name, and no value ever leaves its parser."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.inventory.observed.model import Identity
from pratique.inventory.secrets import listings
from pratique.inventory.secrets.env_files import assignments
from pratique.inventory.secrets.fingerprints import Fingerprints
from pratique.inventory.secrets.listings import read_listing
from pratique.inventory.secrets.reading import (
    FILES,
    SecretsFound,
    credential_file,
    read_credentials,
)
from pratique.inventory.secrets.text import NotUnderstoodError

KEY = bytes(range(32))
CANARY = "c4n4ry-7Zq9XwLr2Kp5Vt8Bn3Ms6Hd1Fg"
"""Planted as the value of everything; it may appear nowhere."""
PRINTS = Fingerprints(KEY)
PEM = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n-----END OPENSSH PRIVATE KEY-----\n"


def read(path: str, content: str | bytes) -> SecretsFound:
    sort = credential_file(path)
    assert sort is not None, path
    data = content.encode() if isinstance(content, str) else content
    return read_credentials(sort, path, data, PRINTS)


def told(path: str, content: str | bytes) -> list[tuple[str, str]]:
    """(kind, name) without the path before the name, as most names have it."""
    found = read(path, content)
    assert found.why == ""
    return [(one.kind, one.name.removeprefix(f"{path}:")) for one in found.identities]


def jwt(subject: str) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"sub": subject}).encode()).rstrip(b"=").decode()
    return f"eyJh.{claims}.{CANARY}"


SAMPLES: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("/srv/a/.ssh/id_ed25519", PEM, [("ssh-key", "/srv/a/.ssh/id_ed25519")]),
    ("/srv/a/.ssh/id_ed25519.pub", f"ssh-ed25519 {CANARY} a@b", []),
    ("/srv/a/.ssh/config", f"Host x\n User {CANARY}", []),
    ("/etc/ssh/ssh_host_rsa_key", PEM, [("ssh-host-key", "/etc/ssh/ssh_host_rsa_key")]),
    (
        "/srv/a/.aws/credentials",
        (f"[default]\naws_access_key_id = AKIA\naws_secret_access_key = {CANARY}\n"
        f"[prod]\naws_secret_access_key={CANARY}x\naws_session_token={CANARY}\n"
        "[role]\nrole_arn = arn:aws:iam::1:role/x\n"),
        [("aws-access-key", "default"), ("aws-session", "prod")],
    ),
    (
        "/srv/a/.config/gcloud/application_default_credentials.json",
        json.dumps({"type": "authorized_user", "refresh_token": CANARY}),
        [("gcp-credentials", "/srv/a/.config/gcloud/application_default_credentials.json")],
    ),
    (
        "/srv/my-service-account.json",
        json.dumps({"type": "service_account", "client_email": "ci@p.example", "private_key": PEM}),
        [("gcp-service-account", "ci@p.example")],
    ),
    (
        "/srv/a/.azure/azureProfile.json",
        json.dumps({"subscriptions": [{"user": {"name": "a@b.example"}, "id": CANARY}]}),
        [("azure-account", "a@b.example")],
    ),
    (
        "/srv/a/.kube/config",
        (f"users:\n- name: admin\n  user:\n    token: {CANARY}\n"
        f"- name: dev\n  user: {{client-key-data: {CANARY}}}\ncontexts: []\n"),
        [("kubernetes-user", "admin"), ("kubernetes-user", "dev")],
    ),
    (
        "/var/run/secrets/kubernetes.io/serviceaccount/token",
        jwt("system:serviceaccount:ml:trainer"),
        [("kubernetes-service-account", "system:serviceaccount:ml:trainer")],
    ),
    (
        "/srv/a/.docker/config.json",
        json.dumps({"auths": {"registry.example": {"auth": CANARY}, "empty.example": {}},
                    "credHelpers": {"ecr.example": "x"}}),
        [("registry-login", "registry.example"), ("registry-login", "empty.example"),
         ("registry-login", "ecr.example")],
    ),
    (
        "/srv/a/.npmrc",
        f"registry=https://r.example\n//r.example/:_authToken={CANARY}\nsave=true\n",
        [("npm-token", "r.example")],
    ),
    (
        "/srv/a/.netrc",
        (f"machine a.example login u password {CANARY}\nmachine b.example\n  login v\n"
        f"  password '{CANARY} x'\ndefault login w password {CANARY}\n"),
        [("netrc-login", "a.example"), ("netrc-login", "b.example"), ("netrc-login", "default")],
    ),
    (
        "/srv/a/.pypirc",
        (f"[distutils]\nindex-servers = own\n[own]\nrepository = https://i.example\n"
        f"username = __token__\npassword = {CANARY}\n"),
        [("index-login", "own")],
    ),
    ("/srv/a/.vault-token", CANARY, [("vault-token", "/srv/a/.vault-token")]),
    (
        "/srv/a/.pgpass",
        (f"# c\ndb.example:5432:prod:alice:{CANARY}\nlocalhost:*:*:me:{CANARY}\n"
        f"a\\:b:1:d:u:{CANARY}\n"),
        [("database-login", "alice@db.example:5432/prod"),
         ("database-login", "me@localhost:*/*"), ("database-login", "u@a:b:1/d")],
    ),
    (
        "/srv/a/.my.cnf",
        f"[client]\nuser=root\nhost=db.example\npassword={CANARY}\n[mysqldump]\nquick\n",
        [("database-login", "root@db.example:3306")],
    ),
    (
        "/srv/a/.git-credentials",
        f"https://bot:{CANARY}@git.example\nhttps://{CANARY}:x-oauth-basic@other.example\n",
        [("git-credential", "git.example"), ("git-credential", "other.example")],
    ),
    (
        "/srv/a/.config/gh/hosts.yml",
        f"forge.example:\n  user: me\n  oauth_token: {CANARY}\n",
        [("git-credential", "forge.example")],
    ),
    ("/srv/tls/server.pem", PEM, [("key-file", "/srv/tls/server.pem")]),
    ("/srv/tls/chain.pem", f"-----BEGIN CERTIFICATE-----\n{CANARY}\n", []),
    (
        "/srv/app/.env",
        f'# c\nexport OPENAI_API_KEY={CANARY}\nDEBUG=1\nMULTI="a\n{CANARY}\nb"\nEMPTY=\nALONE\n',
        [("env", "OPENAI_API_KEY"), ("env", "DEBUG"), ("env", "MULTI"), ("env", "EMPTY")],
    ),
    ("/srv/app/.env.production", f"A='{CANARY}'", [("env", "A")]),
    ("/srv/infra/prod.tfvars", f'password = "{CANARY}"\n', [("terraform-variables", "password")]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "content", "expected"), SAMPLES)
def test_names_and_kinds(path: str, content: str, expected: list[tuple[str, str]]) -> None:
    assert told(path, content) == expected


@pytest.mark.parametrize(("path", "content", "_expected"), SAMPLES)
def test_no_value_leaves_its_parser(path: str, content: str, _expected: object) -> None:
    for spoiled in (content, content[: len(content) * 2 // 3], content.replace("{", "[[{", 1),
                    content + "\x00", content.replace("\n", "\r")):  # fmt: skip
        found = read(path, spoiled)
        for shown in (repr(found), msgspec.json.encode(found).decode()):
            for start in range(0, len(CANARY) - 12, 4):
                assert CANARY[start : start + 12] not in shown


PRESENCE = [
    ("/srv/a/.bash_history", "shell-history"),
    ("/srv/a/.zsh_history", "shell-history"),
    ("/srv/a/.aws/sso/cache/0a.json", "aws-token"),
    ("/srv/a/.azure/msal_token_cache.json", "azure-token"),
    ("/srv/a/.config/gcloud/credentials.db", "gcp-token"),
    ("/srv/store.p12", "key-file"),
    ("/srv/infra/terraform.tfstate", "terraform-state"),
    ("/etc/shadow", "account-hashes"),
    ("/srv/a/wallet.dat", "wallet"),
    ("/srv/a/.ethereum/keystore/UTC--1", "wallet"),
]


@pytest.mark.parametrize(("path", "kind"), PRESENCE)
def test_some_files_are_told_by_their_presence(path: str, kind: str) -> None:
    found = read(path, CANARY)
    assert [(one.kind, one.name, one.local) for one in found.identities] == [(kind, path, True)]
    assert CANARY not in repr(found)


@pytest.mark.parametrize(
    "path",
    ["/srv/app/.env.example", "/srv/app/.env.sample", "/srv/a.txt", "/srv/credentials", "/config",
     "/srv/id_rsa.txt", "/srv/app/env", "/srv/a/.kube/config.example", "/srv/workflows/a.yml"],
)  # fmt: skip
def test_other_files_are_left_alone(path: str) -> None:
    assert credential_file(path) is None


def test_every_sort_is_found_by_one_of_its_own_patterns() -> None:
    for sort in FILES:
        for pattern in sort.patterns:
            path = f"/x/{pattern.replace('*', 'a')}"
            found = credential_file(path)
            assert found is not None, pattern
            assert found.kind == sort.kind or found in FILES[: FILES.index(sort)], pattern


def test_a_mandatory_file_that_is_not_understood_counts_and_is_a_gap() -> None:
    found = read("/srv/a/.kube/config", b"\xff\xfe" + CANARY.encode())
    assert [one.kind for one in found.identities] == ["kubernetes-user"]
    assert found.why
    assert CANARY not in found.why


SPOILED = [
    ("/a/.env", "KEY=-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nAb0Cd1Ef2Gh3Ij4Kl5Mn6==\n"),
    ("/a/x.tfvars", "k = <<EOF\nMIIEvQIBADANBgkqhkiG9w0BAQ==\nEOF\nMIIEvQIBADANBgkqhkiG9w0BAQ = 1"),
    ("/a/.netrc", "machine MIIEvQIBADANBgkqhkiG9w0BAQ login x password y"),
    ("/a/.git-credentials", "https://MIIEvQIBADANBgkqhkiG9w0BAQ:x-oauth-basic@git.example"),
    ("/a/.aws/credentials", "[MIIEvQIBADANBgkqhkiG9w0BAQ]\naws_secret_access_key = x"),
    ("/a/.pgpass", "h:1:d:MIIEvQIBADANBgkqhkiG9w0BAQ:p"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "content"), SPOILED)
def test_a_value_where_a_name_belongs_is_left_out(path: str, content: str) -> None:
    found = read(path, content)
    assert found.identities
    for part in ("MIIEvQIBADAN", "kqhkiG9w0BAQ", "Ab0Cd1Ef2Gh3"):
        assert part not in repr(found)


# ── fingerprints ─────────────────────────────────────────────────────────────────────────────


def test_one_secret_at_two_places_has_one_fingerprint() -> None:
    first = read("/a/.env", f"KEY={CANARY}").identities[0]
    second = read("/b/.netrc", f'machine m login l password "{CANARY}"').identities[0]
    assert first.fingerprint == second.fingerprint != ""
    other = Fingerprints(b"k" * 32).of(CANARY)
    assert other not in {"", first.fingerprint}, "another home, another key"
    assert Fingerprints(b"").of(CANARY) == ""


def test_a_key_has_one_fingerprint_whatever_its_line_ends() -> None:
    unix = read("/a/.ssh/k", PEM).identities[0].fingerprint
    assert read("/b/.ssh/k", PEM.replace("\n", "\r\n")).identities[0].fingerprint == unix


@pytest.mark.parametrize(
    "weak", ["", "hunter2", "correct horse", "a" * 40, "abababababababababab", "${OPENAI_API_KEY}",
             "your-api-key-goes-here-1234", "changeme-changeme-0123456789abcdef"],
)  # fmt: skip
def test_values_that_could_be_guessed_have_none(weak: str) -> None:
    assert PRINTS.of(weak) == ""


def test_the_key_is_never_shown() -> None:
    assert repr(PRINTS) == "Fingerprints(keyed)"


# ── env files: python-dotenv's grammar ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=b", [("A", "b")]),
        ("export A = b c # d", [("A", "b c")]),
        ("A=b#c", [("A", "b#c")]),
        ("'A B'=c", [("A B", "c")]),
        ('A="b\\"c"\nD=e', [("A", 'b\\"c'), ("D", "e")]),
        ("A='b\nc'\nD=e", [("A", "b\nc"), ("D", "e")]),
        ("A=\nB=c", [("A", ""), ("B", "c")]),
        ("A\nB", []),
        ("# A=b", []),
        ("  A=b", [("A", "b")]),
        ("A = 'b' trailing\nC=d", [("A", "b"), ("C", "d")]),
        ("two words\nC=d", [("C", "d")]),
        ('A="open\nB=c', [("A", '"open'), ("B", "c")]),
        ("A=b\r\nC=d\rE=f", [("A", "b"), ("C", "d"), ("E", "f")]),
    ],
)
def test_env_grammar(text: str, expected: list[tuple[str, str]]) -> None:
    assert list(assignments(text)) == expected


# ── pipelines ────────────────────────────────────────────────────────────────────────────────

WORKFLOW = f"""
on: push
env:
  SHARED: ${{{{ secrets.Shared }}}}
  PLAIN: {CANARY}
jobs:
  build:
    environment: prod
    steps:
      - run: echo ${{{{ secrets.DEPLOY_KEY }}}} ${{{{ secrets['other'] }}}}
      - if: github.token != ''
        run: x
  call:
    uses: ./.github/workflows/b.yml
    secrets: inherit
  dump:
    steps:
      - env: {{ ALL: "${{{{ toJSON(secrets) }}}}" }}
"""


def test_secrets_per_job_of_a_workflow() -> None:
    found = read("/r/.github/workflows/ci.yml", WORKFLOW)
    jobs: dict[str, list[str]] = {}
    for one in found.identities:
        jobs.setdefault(one.locator.rpartition("job ")[2], []).append(one.name)
    assert jobs == {
        "build": ["prod/DEPLOY_KEY", "prod/GITHUB_TOKEN", "prod/OTHER", "prod/SHARED"],
        "call": ["(every secret)", "SHARED"],
        "dump": ["(every secret)", "SHARED"],
    }
    assert all(one.kind == "ci-secret" and one.local for one in found.identities)
    assert CANARY not in repr(found)


def test_secrets_per_job_of_a_gitlab_pipeline() -> None:
    text = f"""
variables: {{ DB_PASSWORD: "{CANARY}", COLOUR: blue }}
build:
  variables: {{ API_TOKEN: "{CANARY}" }}
  secrets: {{ VAULT_DB: {{ vault: prod/db/password }} }}
  id_tokens: {{ CLOUD: {{ aud: x }} }}
  environment: {{ name: prod }}
.hidden: not a job
"""
    found = read("/r/.gitlab-ci.yml", text)
    assert sorted(one.name for one in found.identities) == [
        "prod/API_TOKEN", "prod/CLOUD", "prod/DB_PASSWORD", "prod/VAULT_DB",
    ]  # fmt: skip
    assert CANARY not in repr(found)


# ── listings ─────────────────────────────────────────────────────────────────────────────────

LISTINGS: list[tuple[Any, list[tuple[str, str]]]] = [
    (
        {"kind": "List", "items": [
            {"kind": "Secret", "metadata": {"name": "db", "namespace": "ml"},
             "data": {"password": CANARY}},
            {"kind": "ConfigMap", "metadata": {"name": "no"}}]},
        [("kubernetes-secret", "ml/db")],
    ),
    ({"SecretList": [{"Name": "prod/db", "ARN": "arn:aws:secretsmanager:x:1:secret:prod/db-A"}]},
     [("aws-secret", "arn:aws:secretsmanager:x:1:secret:prod/db-A")]),
    ({"Parameters": [{"Name": "/prod/key", "Type": "SecureString", "Value": CANARY}]},
     [("aws-parameter", "/prod/key")]),
    ({"AccessKeyMetadata": [{"UserName": "ci", "AccessKeyId": "AKIAEXAMPLE"}]},
     [("aws-access-key", "ci/AKIAEXAMPLE")]),
    ({"Roles": [{"RoleName": "r", "Arn": "arn:aws:iam::1:role/r"}]},
     [("aws-role", "arn:aws:iam::1:role/r")]),
    ({"Users": [{"UserName": "u"}]}, [("aws-user", "u")]),
    ({"secret/": {"type": "kv", "uuid": CANARY}}, [("vault-mount", "secret/")]),
    (["db", "dir/"], [("vault-secret", "kv/db"), ("vault-secret", "kv/dir/")]),
    ([{"name": "projects/1/secrets/k"}], [("gcp-secret", "projects/1/secrets/k")]),
    ([{"id": "https://v.vault.example/secrets/k", "value": CANARY}],
     [("azure-secret", "v.vault.example/secrets/k")]),
    ([{"name": "DEPLOY", "updatedAt": "x"}], [("ci-secret", "kv/DEPLOY")]),
    ([{"key": "TOKEN", "value": CANARY, "variable_type": "env_var"}], [("ci-secret", "kv/TOKEN")]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), LISTINGS)
def test_listings(content: object, expected: list[tuple[str, str]]) -> None:
    found = read_listing(json.dumps(content).encode(), prefix="kv")
    assert [(one.kind, one.name) for one in found] == expected
    assert all(not one.local for one in found)
    assert CANARY not in repr(found)


@pytest.mark.parametrize("content", ["{}", "[1]", "3", "", "[{}]", '{"a": 1}'])
def test_what_is_no_listing_is_said(content: str) -> None:
    with pytest.raises(NotUnderstoodError):
        read_listing(content.encode())


def test_a_listing_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "MAX_NAMES", 2)
    with pytest.raises(NotUnderstoodError, match="more than 2"):
        read_listing(b'["a", "b", "c"]')


# ── hostile content ──────────────────────────────────────────────────────────────────────────

PATHS = [
    *sorted({path for path, _, _ in SAMPLES}),
    "/r/.github/workflows/a.yml",
    "/r/.gitlab-ci.yml",
]
BITS = st.lists(
    st.sampled_from([CANARY, "\n", "=", "[", "]", "{", "}", ":", '"', "'", "machine ", "password ",
                     "users:\n", "- ", "  ", "\x00", "é", "\\", "jobs:\n", "${{ secrets.A }}", "@",
                     "https://", "-----BEGIN PRIVATE KEY-----", '{"auths": ', "[default]\n", "#"]),
    max_size=12,
).map("".join)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATHS), BITS | st.binary(max_size=60))
def test_no_content_crashes_a_reader_or_shows_a_value_in_a_gap(
    path: str, content: str | bytes
) -> None:
    found = read(path, content)
    assert CANARY not in found.why
    assert all(isinstance(one, Identity) for one in found.identities)


@pytest.mark.parametrize(
    "piece", ['A="', "'", "A='", "export ", "[", "machine ", "\\:", "${{ secrets"]
)
@pytest.mark.parametrize("path", ["/a/.env", "/a/.netrc", "/a/.pgpass", "/r/.gitlab-ci.yml"])
def test_long_content_is_read_in_time(path: str, piece: str) -> None:
    started = time.process_time()
    read(path, piece * (200_000 // len(piece)))
    assert time.process_time() - started < 5


def test_asking_for_a_name_is_cheap() -> None:
    paths = [Path(f"/usr/lib/python3/module_{n}.py").as_posix() for n in range(20_000)]
    started = time.process_time()
    for path in paths:
        credential_file(path)
    assert (time.process_time() - started) / len(paths) < 20e-6


LEASE = "PQL" + "A2B3C4D5E6F7GHIJK"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/srv/a/.aws/credentials", "[x]\naws_access_key_id={}\naws_secret_access_key=" + CANARY),
        ("/srv/a/.env", "AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY=" + CANARY),
        ("/srv/a/.envrc", 'export AWS_ACCESS_KEY_ID="{}"'),
        ("/srv/a/.config/rclone/rclone.conf", "[lab]\ntype = s3\naccess_key_id = {}\n"),
        ("/srv/a/.s3cfg", "[default]\naccess_key = {}\nsecret_key = " + CANARY),
        ("/srv/a/.passwd-s3fs", "{}:" + CANARY),
        ("/srv/a/p/.dvc/config.local", "['remote \"lab\"']\n    access_key_id = {}\n"),
    ],
)
def test_a_lease_is_named_wherever_its_access_key_stands(path: str, text: str) -> None:
    found = read(path, text.replace("{}", LEASE))
    leases = [one for one in found.identities if one.kind == "lease"]
    assert [(one.name, one.locator, one.local, one.fingerprint) for one in leases] == [
        (LEASE, path, False, "")
    ]
    assert CANARY not in str(found)
    without = read(path, text.replace("{}", "AKIAIOSFODNN7EXAMPLE"))
    assert not [one for one in without.identities if one.kind == "lease"]


@pytest.mark.parametrize(
    "near",
    [
        LEASE + "A",
        "x" + LEASE,
        LEASE[:-1],
        LEASE.lower(),
        "A" + LEASE,
        LEASE[:-1] + "1",
        LEASE + "==",
    ],
)
def test_what_only_looks_like_a_lease_is_none(near: str) -> None:
    found = read("/srv/a/.env", f"KEY={near}\n")
    assert [one.kind for one in found.identities] == ["env"]
