"""`pratique token`: secrets by which assets and approvers are known at the door."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.spans import parse_expiry
from pratique.doors.cli.stores import Stores, open_stores, operator
from pratique.doors.grants import token_entry, token_revoked_entry
from pratique.errors import InputError
from pratique.index.ports import TokenRecord
from pratique.parties.model import PartyKind
from pratique.settings import Settings
from pratique.store.parties import read_register
from pratique.values.instants import Instant, now_utc, render_instant

SCANNER_PREFIX = "pratique_"
"""Lets secret scanners find a leaked token: this, then 64 hexadecimal digits."""

_LONGEST = timedelta(days=3650)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@click.group()
def token() -> None:
    """Give assets and approvers their tokens."""


@token.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["asset", "approver", "collector", "party"]),
    default="asset",
    show_default=True,
    help="An asset may install; an approver may also grant waivers; a collector only pushes observations; "
    "a party only pushes its own evidence.",
)
@click.option(
    "--party",
    default="",
    metavar="NAME",
    help="Vendor or client that it belongs to: it stops working when that one is suspended.",
)
@click.option(
    "--expires",
    default="365d",
    show_default=True,
    metavar="SPAN",
    help="How long it works: 12h, 90d, an instant, or never.",
)
@click.option("--url", is_flag=True, help="Also print lines for pip and uv.")
@home_option
@format_option
def create(
    name: str, role: str, party: str, expires: str, url: bool, home: Path | None, form: str
) -> None:
    """Make a token and print it, once; only its SHA-256 is stored.

    NAME is what the ledger will call the asset or approver. A second token of the same name is
    for rotation: make it, bring it out, revoke the first.
    """
    now = now_utc()
    _check_name(name)
    ends = None if expires == "never" else parse_expiry(expires, now=now, longest=_LONGEST)
    secret = SCANNER_PREFIX + secrets.token_hex(32)
    record = TokenRecord(
        id=secrets.token_hex(6),
        name=name,
        role=role,
        secret_sha256=hashlib.sha256(secret.encode()).hexdigest(),
        created_at=now,
        expires_at=ends,
        revoked_at=None,
        party=party,
    )
    with open_stores(home) as stores:
        _check_party(stores, party, role)
        # 1. The entry is durable. 2. The token works. 3. Somebody can know it.
        entry = stores.record(token_entry(record, actor=operator()), now=now)
        stores.control.add_token(record)
        lines = _client_lines(stores.settings, secret) if url else {}
    if form == "json":
        _echo_json({**_described(record, now), "token": secret, "entry": entry, "client": lines})
        return
    click.echo(f"{role} {name}: token {record.id}, {_lasts(record)}, ledger entry {entry}")
    click.echo(f"\n{secret}\n")
    click.echo("It is shown this once. User name: __token__ or the name; password: the token.")
    for client, text in lines.items():
        click.echo(f"\n# {client}\n{text}")


def _check_party(stores: Stores, name: str, role: str) -> None:
    """A party's token names a party that there is. Raises: InputError."""
    if role == "party" and not name:
        raise InputError("whose evidence would it push?", expected="--party NAME")
    if not name:
        return
    if role == "approver":
        raise InputError(
            "a token of a party decides nothing", expected="--role asset, collector or party"
        )
    known = read_register(stores.presence).parties
    if name not in known or known[name].kind not in {PartyKind.VENDOR, PartyKind.CLIENT}:
        raise InputError(
            f"no vendor or client {name[:80]!r} in the register", remedy="see: pratique party list"
        )


def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise InputError(
            f"not a name for an asset: {name[:80]!r}",
            expected="up to 63 letters, digits, '.', '_' and '-', beginning with a letter or digit",
        )


def _client_lines(settings: Settings, secret: str) -> dict[str, str]:
    """Configuration that can be pasted, for the first index view."""
    door = settings.door
    scheme = "https" if door.tls_certificate else "http"
    base = (door.public_url or f"{scheme}://{door.listen}").rstrip("/")
    scheme, _, rest = base.partition("://")
    index = f"{scheme}://__token__:{secret}@{rest}/{settings.index[0].name}/simple/"
    return {
        "pip.conf": f"[global]\nindex-url = {index}",
        "uv.toml": f'[[index]]\nurl = "{index}"\ndefault = true',
        "environment": f"PIP_INDEX_URL={index}\nUV_DEFAULT_INDEX={index}",
    }


@token.command("list")
@home_option
@format_option
def list_tokens(home: Path | None, form: str) -> None:
    """List all tokens, revoked and expired ones included."""
    now = now_utc()
    with open_stores(home) as stores:
        records = stores.control.tokens()
    if form == "json":
        _echo_json([_described(record, now) for record in records])
        return
    if not records:
        click.echo("no tokens; make one with: pratique token create NAME")
    for record in records:
        click.echo(
            f"{record.id}  {_state(record, now):8}  {record.role:8}  {record.name}  "
            f"{f'of {record.party}, ' if record.party else ''}"
            f"since {render_instant(record.created_at)}, {_lasts(record)}"
        )


@token.command()
@click.argument("token_id", metavar="ID")
@home_option
@format_option
def revoke(token_id: str, home: Path | None, form: str) -> None:
    """Take a token back; every door refuses it from its next request on.

    ID is the token's id, as `pratique token list` shows it.
    """
    now = now_utc()
    with open_stores(home) as stores:
        record = next((t for t in stores.control.tokens() if t.id == token_id), None)
        if record is None or record.revoked_at is not None:
            what = "no token has the id" if record is None else "already revoked: token"
            raise InputError(f"{what} {token_id[:80]!r}", remedy="see: pratique token list")
        entry = stores.record(token_revoked_entry(record, actor=operator()), now=now)
        stores.control.revoke_token(token_id, at=now)
    if form == "json":
        _echo_json({"id": token_id, "name": record.name, "revoked": True, "entry": entry})
    else:
        click.echo(f"revoked token {token_id} of {record.name}, ledger entry {entry}")


def _state(record: TokenRecord, now: Instant) -> str:
    if record.revoked_at is not None:
        return "revoked"
    expired = record.expires_at is not None and record.expires_at <= now
    return "expired" if expired else "living"


def _lasts(record: TokenRecord) -> str:
    ends = record.expires_at
    return f"until {render_instant(ends)}" if ends is not None else "without end"


def _described(record: TokenRecord, now: Instant) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "role": record.role,
        "party": record.party,
        "state": _state(record, now),
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "revoked_at": record.revoked_at,
    }


def _echo_json(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
