"""`pratique waiver`: recorded exceptions, for one file each."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.spans import parse_expiry
from pratique.doors.cli.stores import Stores, open_stores, operator
from pratique.doors.grants import waiver_entry, waiver_revoked_entry
from pratique.errors import InputError
from pratique.exposure.question import parse_release_argument
from pratique.index.ports import Waiver
from pratique.settings import Settings
from pratique.values.digests import Sha256, parse_sha256
from pratique.values.instants import Instant, now_utc, render_instant
from pratique.values.names import is_safe_filename

_LONGEST = timedelta(days=90)
"""An exception that is to last longer is policy, and belongs into the policy file."""
_REASON_LENGTH = 500
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@ -]{0,62}")


@click.group()
def waiver() -> None:
    """Record an exception for one file."""


@waiver.command()
@click.argument("target", metavar="FILE")
@click.option("--reason", required=True, help="Why, in a sentence.")
@click.option("--approver", required=True, help="Who answers for it.")
@click.option(
    "--expires",
    default="7d",
    show_default=True,
    metavar="SPAN",
    help="How long it holds: 12h, 7d or an instant; at most 90d.",
)
@click.option("--index", "index", help="Index view it holds for, or *; the only one configured.")
@click.option("--asset", default="*", show_default=True, help="Only for this asset.")
@click.option("--override-deny", is_flag=True, help="Open even what policy denies.")
@click.option("--filename", default="", help="Name of a file that no page has shown yet.")
@click.option("--all-files", is_flag=True, help="Waive every file of the release.")
@home_option
@format_option
def add(
    target: str,
    reason: str,
    approver: str,
    expires: str,
    index: str | None,
    asset: str,
    override_deny: bool,
    filename: str,
    all_files: bool,
    home: Path | None,
    form: str,
) -> None:
    """Let a held or hidden file pass, until a day, for a reason.

    FILE is the file's SHA-256, or NAME==VERSION when a page of this door has shown its files. A
    waiver is for one content: a file that upstream exchanges is not waived.
    """
    now = now_utc()
    ends = parse_expiry(expires, now=now, longest=_LONGEST)
    _check_words(reason, approver)
    with open_stores(home) as stores:
        view = _checked_index(index, stores.settings)
        _check_asset(asset, stores)
        files = _resolve(target, filename, view, stores, all_files=all_files)
        granted = [
            Waiver(
                id=secrets.token_hex(6),
                sha256=digest,
                filename=name,
                index=view,
                asset=asset,
                approver=approver,
                reason=" ".join(reason.split()),
                created_at=now,
                expires_at=ends,
                overrides_deny=override_deny,
            )
            for digest, name in files
        ]
        # 1. The entries are durable, all or none. 2. The waivers are in force.
        drafts = [waiver_entry(one, actor=f"approver:{approver}") for one in granted]
        entries = stores.log.append(drafts, now=now)
        for one in granted:
            stores.control.add_waiver(one)
    if form == "json":
        pairs = zip(granted, entries, strict=True)
        _echo_json([{**_described(one, now), "entry": entry} for one, entry in pairs])
        return
    for one, entry in zip(granted, entries, strict=True):
        click.echo(
            f"waiver {one.id}: {one.filename} may pass on {one.index} for {_whom(one)} until "
            f"{render_instant(one.expires_at)}, ledger entry {entry}"
        )


def _check_words(reason: str, approver: str) -> None:
    if not reason.strip() or len(reason) > _REASON_LENGTH or not reason.isprintable():
        raise InputError("the reason cannot be used", expected="one to 500 printable characters")
    if _NAME.fullmatch(approver) is None:
        raise InputError(
            f"not a name of an approver: {approver[:80]!r}",
            expected="up to 63 letters, digits, spaces, '.', '_', '@' and '-'",
        )


def _checked_index(index: str | None, settings: Settings) -> str:
    names = [view.name for view in settings.index]
    if index is None and len(names) == 1:
        return names[0]
    if index is None or index not in {*names, "*"}:
        raise InputError(
            "say for which index view" if index is None else f"no index view {index[:80]!r}",
            expected=f"--index with one of {', '.join(names)}, or *",
        )
    return index


def _check_asset(asset: str, stores: Stores) -> None:
    if asset != "*" and asset not in {token.name for token in stores.control.tokens()}:
        raise InputError(
            f"no token was ever made for an asset {asset[:80]!r}",
            expected="a name from: pratique token list",
        )


def _resolve(
    target: str, filename: str, index: str, stores: Stores, *, all_files: bool
) -> Sequence[tuple[Sha256, str]]:
    """The files that are meant: hash and name."""
    if "==" in target:
        return _files_of_release(target, index, stores, all_files=all_files)
    digest = parse_sha256(target)
    places = stores.presence.places(digest)
    if filename and not is_safe_filename(filename):
        raise InputError(f"not a file name: {filename[:80]!r}", expected="as on the index page")
    name = filename or (places[0].filename if places else "")
    if not name:
        raise InputError(
            f"no page of this door has shown a file with SHA-256 {digest}",
            remedy="check the hash, or name the file with --filename",
        )
    return [(digest, name)]


def _files_of_release(
    target: str, index: str, stores: Stores, *, all_files: bool
) -> Sequence[tuple[Sha256, str]]:
    releases = parse_release_argument(target)
    if len(releases) != 1:
        raise InputError("one release at a time", expected="NAME==VERSION or a file's SHA-256")
    project, version = releases[0]
    known = stores.presence.known_files(project, version)
    found = dict.fromkeys((f.sha256, f.filename) for f in known if index in {"*", f.index})
    if not found:
        raise InputError(
            f"no page of this door has shown files of {project} {version}",
            remedy=f"ask the door for /{index}/simple/{project}/ first, or give the SHA-256",
        )
    if len(found) > 1 and not all_files:
        listed = "".join(f"\n    {digest}  {name}" for digest, name in found)
        raise InputError(
            f"{project} {version} has {len(found)} files:{listed}",
            expected="one SHA-256 of these, or --all-files",
        )
    return list(found)


@waiver.command("list")
@home_option
@format_option
def list_waivers(home: Path | None, form: str) -> None:
    """List all waivers, revoked and expired ones included."""
    now = now_utc()
    with open_stores(home) as stores:
        waivers = stores.control.waivers()
    if form == "json":
        _echo_json([_described(one, now) for one in waivers])
        return
    if not waivers:
        click.echo("no waivers")
    for one in waivers:
        deny = ", overrides deny" if one.overrides_deny else ""
        click.echo(
            f"{one.id}  {_state(one, now):8}  {one.filename}  on {one.index} for {_whom(one)}, "
            f"until {render_instant(one.expires_at)}{deny}\n"
            f"              sha256 {one.sha256}\n              {one.approver}: {one.reason}"
        )


@waiver.command()
@click.argument("waiver_id", metavar="ID")
@home_option
@format_option
def revoke(waiver_id: str, home: Path | None, form: str) -> None:
    """Take a waiver back; every door decides without it from its next request on.

    ID is the waiver's id, as `pratique waiver list` shows it.
    """
    now = now_utc()
    with open_stores(home) as stores:
        one = next((w for w in stores.control.waivers() if w.id == waiver_id), None)
        if one is None or one.revoked_at is not None:
            what = "no waiver has the id" if one is None else "already revoked: waiver"
            raise InputError(f"{what} {waiver_id[:80]!r}", remedy="see: pratique waiver list")
        entry = stores.record(waiver_revoked_entry(one, actor=operator()), now=now)
        stores.control.revoke_waiver(waiver_id, at=now)
    if form == "json":
        _echo_json({"id": waiver_id, "filename": one.filename, "revoked": True, "entry": entry})
    else:
        click.echo(f"revoked waiver {waiver_id} of {one.filename}, ledger entry {entry}")


def _whom(one: Waiver) -> str:
    return "every asset" if one.asset == "*" else one.asset


def _state(one: Waiver, now: Instant) -> str:
    if one.revoked_at is not None:
        return "revoked"
    return "expired" if one.expires_at <= now else "living"


def _described(one: Waiver, now: Instant) -> dict[str, Any]:
    return {
        "id": one.id,
        "sha256": one.sha256,
        "filename": one.filename,
        "index": one.index,
        "asset": one.asset,
        "approver": one.approver,
        "reason": one.reason,
        "state": _state(one, now),
        "created_at": one.created_at,
        "expires_at": one.expires_at,
        "overrides_deny": one.overrides_deny,
        "revoked_at": one.revoked_at,
    }


def _echo_json(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
