"""Settings: `pratique.toml` in the home folder, overridden by `PRATIQUE_*` variables.

Owns: their names, defaults and checks (docs/reference/settings.md lists each). The policy is a
file of its own (`policy.toml`, room `policy`), because other people review it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from pratique.errors import SettingsError

DEFAULT_LISTEN = "127.0.0.1:8420"
DEFAULT_S3_LISTEN = "127.0.0.1:8421"


class UpstreamSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[upstream]]` table."""

    name: str
    url: str = ""
    """Base of its Simple API; empty means the public index that `pypi_simple` names."""
    private: bool = False
    names: tuple[str, ...] = ()
    """Project names or patterns that only this upstream may answer (private ones)."""
    hashless: Literal["hold", "pin"] = "hold"
    username_env: str = ""
    """Name of the environment variable that holds the user name for this upstream."""
    password_env: str = ""
    ca_file: str = ""
    connect_seconds: float = 2.0
    idle_seconds: float = 15.0
    max_page_bytes: int = 64 * 1024 * 1024
    max_file_bytes: int = 4 * 1024 * 1024 * 1024
    file_hosts: tuple[str, ...] = ()
    """Hosts that its file links may point to; empty means any public https host (or its own)."""


class IndexSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[index]]` table: a view that clients are pointed to."""

    name: str
    upstreams: tuple[str, ...]
    """Names of upstreams in order; private ones are asked before public ones."""


class DoorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[door]` table."""

    listen: str = DEFAULT_LISTEN
    public_url: str = ""
    """How people reach this door (block pages are linked from it); empty: http(s)://<listen>."""
    anonymous: Literal["loopback", "everyone", "nobody"] = "loopback"
    tls_certificate: str = ""
    tls_key: str = ""
    """`tls_certificate = "auto"` makes a local authority and a certificate below home/tls."""
    workers: int = 1
    x_accel: bool = False
    """Let nginx send files (X-Accel-Redirect to /_pratique_blobs/); see docs/operate/nginx.md."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses whose X-Forwarded-For is believed."""
    page_seconds: int = 300
    """How long a page is served before the upstream is asked again."""
    stale_hours: int = 24 * 30
    """How old a page may be served while the upstream does not answer (today's policy applies)."""
    file_write: Literal["strict", "fast"] = "strict"
    """Whether a file answer waits until its ledger entry is durable."""


class StorageSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[storage]` table."""

    database_url: str = ""
    """PostgreSQL URL for several nodes; empty: SQLite and segment files in home."""
    blob_cap_gib: float = 50.0
    page_memory_mib: int = 32
    """Memory for cooked pages in each worker."""
    log_origin: str = "pratique.local/ledger"
    """Name of the log on its checkpoints; choose a domain you own before others rely on it."""


class VetSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[vet]` table."""

    mode: Literal["inline", "off"] = "inline"
    """`inline`: a file nobody has vetted is vetted before its last bytes leave. `off`: never."""
    ahead: bool = True
    """Vet new files of projects that were delivered before, while they are in cool-down."""
    follow_minutes: Annotated[int, msgspec.Meta(ge=1)] = 60
    """How often the pages of those projects are looked at for new files."""
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    """Confined processes of each door process; each handles one file at a time."""
    memory_mib: Annotated[int, msgspec.Meta(ge=128)] = 352
    """What each may write to; with shared code a worker stays some 10 % above it."""
    cpu_seconds: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    """CPU time for one file; large files get more."""
    require_confinement: bool = False
    """Refuse to work where the kernel has neither Landlock nor seccomp."""
    known_bad: str = ""
    """Table of indicators beside the shipped ones; relative to home. Empty: none."""


class IssuerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[custody.issuer]]` table: who may vouch for people and jobs at the token service."""

    name: str
    """What roles call it."""
    url: str
    """The claim `iss` of its tokens, exactly."""
    audience: str
    """The claim `aud` that its tokens must have for us, such as `sts.amazonaws.com`."""
    jwks: str
    """Its public keys: an https URL, or a file (below home, unless absolute)."""
    holder_claim: str = "sub"
    """The claim that says who somebody is; it stays in the store, the ledger has a pseudonym."""
    ca_file: str = ""
    """Authorities for that URL; empty: the system's."""


class CustodySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[custody]` table."""

    s3_listen: str = DEFAULT_S3_LISTEN
    """Where the S3 door listens; `off`: there is none."""
    s3_workers: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    s3_connections_per_peer: Annotated[int, msgspec.Meta(ge=1)] = 1000
    """Connections of one address to one of its processes; proxies that are trusted have no limit."""
    s3_head_seconds: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    """How long the head of a request may take from its first byte on."""
    s3_domain: str = ""
    """Names `BUCKET.<domain>` are buckets (virtual-host style); empty: paths only."""
    s3_origins: tuple[str, ...] = ()
    """Web applications whose pages may read what a presigned URL gives (CORS), `https://HOST[:PORT]`."""
    s3_region: str = "us-east-1"
    """What clients must sign for; most take this one when they are told none."""
    organisation: str = ""
    """The vendor that is the own organisation: its jobs may read canonical bytes without a reason."""
    broker_socket: str = ""
    """Gateway socket of the key broker; empty: `broker/gateway.sock` in home."""
    parts: str = ""
    """Where encrypted parts lie: `s3://BUCKET/PREFIX`, or a folder; empty: `parts/` in home."""
    parts_endpoint: str = ""
    """The S3 of that bucket, `https://HOST`; empty: AWS. Credentials: as AWS's own tools find them."""
    parts_region: str = ""
    """Region of that bucket; empty: AWS_REGION, else us-east-1."""
    lease_longest_hours: Annotated[float, msgspec.Meta(gt=0, le=24 * 3660)] = 12.0
    """How long a lease may last at most."""
    velocity_factor: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    """How far above the 95th percentile of its hours a scope may go; 0: the rule is off."""
    velocity_floor_gib: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    """What a holder may always disclose in an hour."""
    write_memory_mib: Annotated[int, msgspec.Meta(ge=80)] = 512
    """For bodies on their way, in each S3 process; each takes up to 64 MiB, others wait."""
    write_reserve_gib: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    """What writes leave free on the disk of parts, where ledger and database often lie too."""
    write_budget_gib: Annotated[float, msgspec.Meta(gt=0)] = 100.0
    """What a lease that only writes may store in all, where its budget says nothing."""
    write_budget_objects: Annotated[int, msgspec.Meta(ge=1)] = 1_000_000
    """The same, objects."""
    write_idle_seconds: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    """How long a body may stop arriving before the write is given up."""
    four_eyes_tokens: bool = False
    """Whether who asks for more must be known by a token as well, as who decides is."""
    clock_tolerance_seconds: Annotated[float, msgspec.Meta(ge=1)] = 60.0
    """How far the clock may be behind what the door has seen before it serves nothing."""
    issuer: tuple[IssuerSettings, ...] = ()
    """Issuers of identities for `AssumeRoleWithWebIdentity`."""
    upload_days: Annotated[float, msgspec.Meta(gt=0)] = 7.0
    """How old an unfinished upload in parts may become before it is forgotten."""
    openlineage_url: Annotated[str, msgspec.Meta(pattern="^(https?://.+)?$")] = ""
    """Where `pratique dataset describe --post` sends OpenLineage events; empty: nowhere."""


class PartiesSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[parties]` table."""

    check_minutes: Annotated[int, msgspec.Meta(ge=1)] = 60
    """How often a running door checks all parties; after a new advisory it checks components at once."""
    lease_hours: Annotated[float, msgspec.Meta(gt=0)] = 24.0
    """How old a living lease may be before it is a finding."""
    drill_days: Annotated[int, msgspec.Meta(ge=1)] = 90
    """How old the last suspension drill may be where the contract says nothing."""
    sbom_days: Annotated[int, msgspec.Meta(ge=1)] = 30
    """How old an SBOM of a delivered product may be where nobody promised one."""
    owner: Annotated[str, msgspec.Meta(max_length=100)] = ""
    """Who puts new findings right, until somebody says otherwise; empty: nobody is named."""
    due_critical_days: Annotated[int, msgspec.Meta(ge=0)] = 1
    """Days to put a critical finding right."""
    due_high_days: Annotated[int, msgspec.Meta(ge=0)] = 7
    """Days for a high one."""
    due_medium_days: Annotated[int, msgspec.Meta(ge=0)] = 30
    """Days for a medium one."""
    due_low_days: Annotated[int, msgspec.Meta(ge=0)] = 90
    """Days for a low one."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings, checked."""

    home: Path
    door: DoorSettings = DoorSettings()
    storage: StorageSettings = StorageSettings()
    vet: VetSettings = VetSettings()
    custody: CustodySettings = CustodySettings()
    parties: PartiesSettings = PartiesSettings()
    upstream: tuple[UpstreamSettings, ...] = ()
    index: tuple[IndexSettings, ...] = ()

    @property
    def policy_path(self) -> Path:
        """The policy file."""
        return self.home / "policy.toml"

    @property
    def settings_path(self) -> Path:
        """The settings file."""
        return self.home / "pratique.toml"


def default_home(environ: Mapping[str, str] = os.environ) -> Path:
    """The home folder: PRATIQUE_HOME, else the platform's data folder."""
    given = environ.get("PRATIQUE_HOME", "")
    if given:
        return Path(given)
    import platformdirs  # noqa: PLC0415 - most commands are told where home is

    return platformdirs.user_data_path("pratique", appauthor=False)


_ENVIRONMENT = {
    "PRATIQUE_LISTEN": ("door", "listen"),
    "PRATIQUE_PUBLIC_URL": ("door", "public_url"),
    "PRATIQUE_DATABASE_URL": ("storage", "database_url"),
    "PRATIQUE_VET": ("vet", "mode"),
    "PRATIQUE_S3_LISTEN": ("custody", "s3_listen"),
}


def load_settings(home: Path | None = None, *, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read `pratique.toml` below `home` (an absent file means defaults) and the environment.

    Raises: SettingsError naming the file, the key and what was expected.
    """
    folder = home if home is not None else default_home(environ)
    path = folder / "pratique.toml"
    tables = _read_tables(path)
    if "home" in tables:
        raise SettingsError(
            f"{path}: 'home' cannot be set inside the home folder",
            remedy="use --home or PRATIQUE_HOME",
        )
    _convert(
        tables, folder, str(path)
    )  # what is wrong in the file is not blamed on the environment
    given = [variable for variable in _ENVIRONMENT if variable in environ]
    for variable in given:
        table, key = _ENVIRONMENT[variable]
        section = tables.setdefault(table, {})
        if isinstance(section, dict):
            section[key] = environ[variable]
    return _with_defaults(_convert(tables, folder, ", ".join(given) or str(path)), path)


def _read_tables(path: Path) -> dict[str, object]:
    """What the file holds; nothing when there is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(path, error) from error
    import tomllib  # noqa: PLC0415 - the CLI answers many questions without any settings file

    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> SettingsError:
    return SettingsError(
        f"cannot read {path}: {error}",
        expected="TOML in UTF-8; docs/reference/settings.md lists every setting",
    )


def _convert(tables: Mapping[str, object], home: Path, source: str) -> Settings:
    try:
        return msgspec.convert({**tables, "home": home}, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"{source}: {error}", remedy="docs/reference/settings.md lists every setting"
        ) from error


def _with_defaults(settings: Settings, path: Path) -> Settings:
    upstreams = settings.upstream or (UpstreamSettings(name="public"),)
    indexes = settings.index or (
        IndexSettings(name="pypi", upstreams=tuple(u.name for u in upstreams)),
    )
    names = [u.name for u in upstreams]
    if len(set(names)) != len(names):
        raise SettingsError(f"{path}: two [[upstream]] tables have the same name: {names}")
    for index in indexes:
        unknown = [name for name in index.upstreams if name not in names]
        if unknown or not index.upstreams:
            raise SettingsError(
                f"{path}: index {index.name!r} names upstreams that do not exist: {unknown}",
                expected=f"one or more of {names}",
            )
    vet = settings.vet
    if vet.known_bad:
        vet = msgspec.structs.replace(vet, known_bad=str(settings.home.absolute() / vet.known_bad))
    return msgspec.structs.replace(settings, upstream=upstreams, index=indexes, vet=vet)
