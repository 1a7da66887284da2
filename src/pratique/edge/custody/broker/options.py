"""`broker.toml`: caps, and who may connect. Read once at the start; a gateway cannot change it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Annotated

import msgspec

from pratique.edge.custody.broker.key_files import write_durably
from pratique.errors import SettingsError

OPTIONS_FILE = "broker.toml"
_FIRST = """\
# Options of the key broker (docs/operate/broker.md). Read when the broker starts.

[caps]
# Parts whose keys may leave, within any 60 minutes. A part is at most 64 MiB of one object; small objects
# are one part each. 0: none may. A part that a lease had within the hour is not counted again.
# parts_per_hour = 4000        # for each vendor
# all_parts_per_hour = 16000   # for all of them together

# [caps.vendor.acme]
# parts_per_hour = 500
# parts_ever = 20000           # since this broker exists; without it: not limited

[connect]
# The broker protects keys from an owned door only when it runs as another user than the door.
# gateway_users = ["pratique-door"]          # doors, besides the broker's own user
# admin_users = ["pratique-operator"]        # who may grant and destroy; never the doors' user
# socket_folder = "/run/pratique-broker"     # of gateway.sock and admin.sock; these users must reach it
"""


class VendorCaps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[caps.vendor.NAME]` table."""

    parts_per_hour: Annotated[int, msgspec.Meta(ge=0)] | None = None
    parts_ever: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Caps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[caps]` table."""

    parts_per_hour: Annotated[int, msgspec.Meta(ge=0)] = 4_000
    all_parts_per_hour: Annotated[int, msgspec.Meta(ge=0)] = 16_000
    vendor: dict[str, VendorCaps] = {}

    def hourly(self, vendor: str) -> int:
        """What a vendor may have within 60 minutes."""
        own = self.vendor.get(vendor, _NONE).parts_per_hour
        return self.parts_per_hour if own is None else own

    def ever(self, vendor: str) -> int | None:
        """What a vendor may have at all; None: not limited."""
        return self.vendor.get(vendor, _NONE).parts_ever


_NONE = VendorCaps()


class Connect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[connect]` table."""

    gateway_users: tuple[str | int, ...] = ()
    admin_users: tuple[str | int, ...] = ()
    socket_folder: str = ""

    def gateway_uids(self) -> frozenset[int]:
        """Numbers of the doors' users. Raises: SettingsError for one that does not exist."""
        return _uids(self.gateway_users)

    def admin_uids(self) -> frozenset[int]:
        """Numbers of operators. Raises: SettingsError; also when a door's user is among them."""
        uids = _uids(self.admin_users)
        if uids & self.gateway_uids():
            raise SettingsError(
                f"{OPTIONS_FILE}: a user is among gateway_users and admin_users",
                remedy="an owned door could grant itself leases; use different users",
            )
        return uids

    def place(self, folder: Path) -> Path:
        """Where the sockets are. Raises: SettingsError."""
        if not self.socket_folder:
            return folder
        place = Path(self.socket_folder)
        if not place.is_absolute() or not place.is_dir():
            raise SettingsError(
                f"{OPTIONS_FILE}: connect.socket_folder is no folder: {self.socket_folder}",
                expected="the absolute path of a folder that exists",
            )
        return place


class BrokerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    caps: Caps = Caps()
    connect: Connect = Connect()


def load_options(folder: Path) -> BrokerOptions:
    """Read the file; a first start writes one that says what the defaults are.

    Raises: SettingsError when it cannot be used, or when others could change it.
    """
    path = folder / OPTIONS_FILE
    if not path.exists():
        write_durably(path, _FIRST.encode())
    stat = path.stat()
    if stat.st_mode & 0o022 or stat.st_uid not in {os.geteuid(), 0}:
        raise SettingsError(f"{path} can be changed by others", remedy=f"chmod 600 {path.name}")
    try:
        return msgspec.toml.decode(path.read_bytes(), type=BrokerOptions)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path}: {error}", remedy="docs/operate/broker.md lists them"
        ) from error


def _uids(users: tuple[str | int, ...]) -> frozenset[int]:
    return frozenset(user if isinstance(user, int) else _uid(user) for user in users)


def _uid(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise SettingsError(f"{OPTIONS_FILE}: there is no user {name!r}") from None
