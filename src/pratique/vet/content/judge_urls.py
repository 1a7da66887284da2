"""Where an address leads: services, raw addresses, and tricks with names, ports and endings.

The services are data (`vet/data/network-places.toml`); the shapes (raw addresses, tricks with names,
ports and file endings) are here. Source: docs/rules/network-place.md.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from pratique.vet.content.data_tables import load_table
from pratique.vet.safe_text import printable

MAX_PLACES = 200
"""Addresses judged per text; a list of a thousand is data, and its first two hundred show its kind."""
MAX_TEXT = 64 * 1024
"""Beyond this, hosts without `://` are no longer looked for: prose and tables, not code."""
SHOWN = 160

_AFTER_SCHEME = re.compile(
    r"(?:[^\s/@\"'<>\\]{1,120}@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[^\s/:?#@\"'<>\\\[\](),;|`{}]{1,253})"
    r"(?::(?P<port>\d{1,5})(?!\d))?(?P<rest>[^\s\"'<>`]{0,400})"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,14}$")
# Each starts where no character of a name stands before it, so tries never overlap.
_BARE = re.compile(
    r"(?<![A-Za-z0-9_.\-/@…])(?P<host>[A-Za-z0-9_\-…]{1,63}(?:\.[A-Za-z0-9_\-…]{1,63}){1,8})"
    r"(?::(?P<port>\d{2,5})(?!\d))?(?P<rest>/[^\s\"'<>`]{0,200})?"
)
_NUMBER_HOST = re.compile(
    r"(?:0x[0-9a-fA-F]{1,8}|\d{8,10}|(?:0x?[0-9a-fA-F]+\.){3}0x?[0-9a-fA-F]+)"
)
_DOTTED = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")

_EXECUTABLE = (
    ".exe", ".dll", ".scr", ".msi", ".com", ".elf", ".bin", ".apk", ".dmg", ".pkg", ".jar", ".lnk",
    ".deb", ".rpm", ".appimage", ".so", ".dylib", ".pyd", ".pyc", ".xll", ".cpl", ".iso", ".img",
)  # fmt: skip
_SCRIPT = (
    ".ps1", ".sh", ".bat", ".cmd", ".vbs", ".vbe", ".hta", ".py", ".pyw", ".wsf", ".psm1", ".sct",
    ".bash",
)  # fmt: skip
_USUAL_PORTS = frozenset({"", "80", "443", "8080", "8443", "22", "21", "25", "587", "465", "5432",
                          "3306", "6379", "27017", "8000", "8888", "5000", "3000", "9200",
                          "11434"})  # fmt: skip
_LATIN_LOOKING = frozenset("аесорхуіјѕԁһԛԝᴀνορυκικα")
_RESOLVERS = frozenset(
    {"1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9", "1.2.3.4", "208.67.222.222"}
)
"""Public name servers that everybody asks, and the address of every example."""
_QUIET_SUFFIXES = ("test", "invalid", "localhost", "local", "internal", "localdomain")
_QUIET_HOSTS = ("example.com", "example.org", "example.net", "schema.org", "www.w3.org")


def _places() -> dict[str, tuple[tuple[tuple[str, ...], str], ...]]:
    """Host → (path segments, kind) of the services known."""
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for kind, table in load_table("network-places").items():
        if kind == "odd-suffix":
            continue
        for place in table["places"]:
            host, _, path = place.lower().partition("/")
            segments = tuple(path.split("/")) if path else ()
            found.setdefault(host, []).append((segments, kind))
    # The most exact first: a webhook of a service before the service.
    return {
        host: tuple(sorted(kinds, key=lambda item: -len(item[0]))) for host, kinds in found.items()
    }


_PLACES = _places()
_ODD_SUFFIXES = frozenset(load_table("network-places")["odd-suffix"]["places"])


def judge_url(text: str) -> tuple[tuple[str, str], ...]:
    """What is known of the addresses in a text: (trait, the address) pairs, each trait once.

    Shape: an address with `://` anywhere; a bare host only when it is a known service, a cloud
    metadata address, or the whole text. Holes ("…") may stand anywhere.
    """
    if "." not in text and "://" not in text:
        return ()
    found: dict[str, str] = {}
    if "://" in text:
        for address, scheme, match in _with_scheme(text):
            host = match["host"].strip("[]").rstrip(".").lower()
            rest = match["rest"] or ""
            for trait in _judge(host, match["port"] or "", rest, scheme=scheme):
                found.setdefault(trait, address)
    if len(text) <= MAX_TEXT:
        _bare_hosts(text, found)
    return tuple((trait, printable(shown, SHOWN)) for trait, shown in found.items())


def _with_scheme(text: str) -> Iterator[tuple[str, str, re.Match[str]]]:
    position = 0
    for _ in range(MAX_PLACES):
        at = text.find("://", position)
        if at < 0:
            return
        position = at + 3
        scheme = _SCHEME.search(text, max(0, at - 16), at)
        match = _AFTER_SCHEME.match(text, at + 3)
        if scheme is None or match is None:
            continue
        yield text[scheme.start() : match.end()], scheme[0].lower(), match


def _bare_hosts(text: str, found: dict[str, str]) -> None:
    for count, match in enumerate(_BARE.finditer(text)):
        if count >= MAX_PLACES:
            return
        host = match["host"].lower()
        rest = match["rest"] or ""
        whole = match.end() - match.start() >= len(text.strip())
        if host[0].isdigit() and host[-1].isdigit() and _DOTTED.fullmatch(host):
            if kind := _known(host, rest):
                found.setdefault(kind, match[0])
            elif whole and _address_kind(host) == "public":
                found.setdefault("bare-address", match[0])
        elif (kind := _known(host, rest)) is not None and kind != "free-host":
            found.setdefault(kind, match[0])
        elif whole and host.endswith(".onion"):
            found.setdefault("onion", match[0])


def _judge(host: str, port: str, rest: str, *, scheme: str) -> Iterator[str]:
    if scheme.startswith("stratum"):
        yield "mining-pool"
    if not host or host.endswith(_QUIET_HOSTS) or host.rpartition(".")[2] in _QUIET_SUFFIXES:
        if kind := _known(host, rest):
            yield kind
        return
    if kind := _known(host, rest):
        yield kind
    elif (kind := _address_kind(host)) is not None:
        if kind != "public":
            yield "private-address"
            return
        yield "public-address"
    yield from _name_tricks(host)
    if port and port not in _USUAL_PORTS:
        yield "odd-port"
    yield from _download(rest, scheme)


def _name_tricks(host: str) -> Iterator[str]:
    if host.endswith(".onion"):
        yield "onion"
    if host.startswith("xn--") or ".xn--" in host:
        yield "international-name"
    elif not host.isascii() and any(_mixes(label) for label in host.replace("…", "").split(".")):
        yield "lookalike-name"
    if host.rpartition(".")[2] in _ODD_SUFFIXES:
        yield "odd-suffix"


def _mixes(label: str) -> bool:
    """Cyrillic, Greek or full-width letters beside Latin ones, or alone where they all look Latin."""
    strange = [c for c in label if "\u0370" <= c <= "\u052f" or "\uff21" <= c <= "\uff5a"]
    if not strange:
        return False
    return any("a" <= c <= "z" for c in label) or all(c in _LATIN_LOOKING for c in strange)


def _download(rest: str, scheme: str) -> Iterator[str]:
    if not scheme.startswith(("http", "ftp")) or "/blob/" in rest or "/tree/" in rest:
        return  # a page that shows a source is no download
    path = rest.partition("?")[0].partition("#")[0].rstrip(").,;]}").lower()
    name = path.rpartition("/")[2]
    if name.endswith(_EXECUTABLE):
        yield "executable-download"
    elif name.endswith(_SCRIPT):
        yield "script-download"


def _known(host: str, rest: str) -> str | None:
    """The kind of a listed service, by the longest suffix of its host that is listed."""
    at = 0
    while True:
        candidates = _PLACES.get(host[at:])
        if candidates is not None:
            kind = _by_path(candidates, rest)
            if kind is not None:
                return kind
        dot = host.find(".", at)
        if dot < 0:
            return None
        at = dot + 1


def _by_path(candidates: tuple[tuple[tuple[str, ...], str], ...], rest: str) -> str | None:
    for segments, kind in candidates:
        if not segments:
            return kind
        parts = rest.lower().split("/", len(segments) + 1)[1:]
        if len(parts) >= len(segments) and all(
            want in ("*", part)
            or (want.endswith("*") and part.startswith(want[:-1]))
            or (index == len(segments) - 1 and part.startswith(want))
            for index, (want, part) in enumerate(zip(segments, parts, strict=False))
        ):
            return kind
    return None


def _address_kind(host: str) -> str | None:
    """`public`, `private` or None when it is a name. Numbers and hexadecimal count as addresses."""
    if not (host[0].isdigit() or ":" in host):
        return None
    try:
        if _NUMBER_HOST.fullmatch(host) and not _DOTTED.fullmatch(host):
            address: ipaddress.IPv4Address | ipaddress.IPv6Address = _from_number(host)
        else:
            address = ipaddress.ip_address(host)
    except ValueError:
        return None
    public = address.is_global and not address.is_multicast and host not in _RESOLVERS
    return "public" if public else "private"


def _from_number(host: str) -> ipaddress.IPv4Address:
    """`http://2130706433`, `0x7f000001`, `0x7f.0.0.1`: spellings that only hide an address."""
    parts = [int(part, 16 if part.startswith("0x") else 10) for part in host.split(".")]
    if len(parts) == 1:
        return ipaddress.IPv4Address(parts[0])
    return ipaddress.IPv4Address(bytes(parts))
