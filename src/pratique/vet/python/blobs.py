"""Bytes that are no text: strings inside them, ciphers and hashes over constants."""

from __future__ import annotations

import hashlib
import string

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from pratique.vet.python.limits import Budget, Spent
from pratique.vet.python.plain import Folded
from pratique.vet.python.values import UNSET, Made, V

_SHORTEST = 6
_STRINGS = 5000
"""Strings taken from one blob; a module of 300 kB has fewer."""
_PRINTABLE = string.printable[:95].encode()
_BLANKS = bytes(byte if byte in _PRINTABLE else 0 for byte in range(256))
_MODE_ECB, _MODE_CBC = 1, 2
_FAILURES = (
    ValueError,
    TypeError,
    InvalidToken,
    InvalidTag,
    UnsupportedAlgorithm,
    Spent,
    LookupError,
)


def printable_strings(data: bytes) -> list[str]:
    """Runs of printable ASCII, in order. Linear."""
    pieces = data.translate(_BLANKS).split(b"\0")
    found = [piece.decode("ascii") for piece in pieces if len(piece) >= _SHORTEST]
    return found[:_STRINGS]


def decrypted(made: Made, arguments: list[V], budget: Budget) -> bytes | None:
    """What a cipher with a constant key makes of a constant; None when it cannot be said."""
    given = [item.const for item in (*made.arguments, *arguments)]
    if not arguments or any(item is UNSET for item in given):
        return None
    try:
        data = _raw(arguments[0].const)
        budget.make(len(data))
        if made.name.endswith("Fernet"):
            return Fernet(_raw(given[0])).decrypt(data)
        if made.name.endswith("ARC4.new"):
            return Cipher(ARC4(_raw(given[0])), mode=None).decryptor().update(data)
        return _aes(made, data)
    except _FAILURES:
        return None


def _aes(made: Made, data: bytes) -> bytes | None:
    """AES as PyCryptodome has it: `AES.new(key, mode, iv)`, its modes being numbers."""
    given = dict(zip(("key", "mode", "iv"), made.arguments, strict=False))
    given.update((name.lower(), value) for name, value in made.keywords.items())
    mode = given["mode"].const if "mode" in given else _MODE_ECB
    chosen: modes.Mode
    if mode == _MODE_ECB:
        chosen = modes.ECB()  # noqa: S305 - what the source under examination uses is read, not chosen
    elif mode == _MODE_CBC and "iv" in given:
        chosen = modes.CBC(_raw(given["iv"].const))
    else:
        return None
    worker = Cipher(algorithms.AES(_raw(given["key"].const)), chosen).decryptor()
    return worker.update(data) + worker.finalize()


def digest_of(made: Made, name: str, budget: Budget) -> Folded:
    """`hashlib.sha256(b"…").digest()` of constants; None when it cannot be said."""
    if any(item.const is UNSET for item in made.arguments):
        return None
    try:
        data = _raw(made.arguments[0].const) if made.arguments else b""
        budget.make(len(data))
        worker = hashlib.new(made.name.rpartition(".")[2], data, usedforsecurity=False)
    except _FAILURES:
        return None
    return worker.hexdigest() if name.endswith("hexdigest") else worker.digest()


def _raw(value: Folded) -> bytes:
    if type(value) is str:
        return value.encode()
    if type(value) in {bytes, bytearray}:
        return bytes(value)
    raise Spent
