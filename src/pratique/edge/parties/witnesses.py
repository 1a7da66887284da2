"""Sigstore bundles, verified offline with the `sigstore` library and a trusted root from a file.

The library is an extra (`pratique[sigstore]`), because it is heavy and most evidence needs none.
Source: docs.sigstore.dev, "Verifying"; github.com/sigstore/sigstore-python.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pratique.errors import InputError
from pratique.parties.evidence.model import UnreadablePieceError, Verified, Witness, line

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.verify import Verifier

TRUSTED_ROOT: Final = "sigstore/trusted_root.json"
"""Below the home folder."""
_MAX_ROOT: Final = 4 << 20
_MAX_BUNDLE: Final = 8 << 20
"""An attestation of thousands of files; the library takes many times as much memory."""
_ISSUER_V1: Final = "1.3.6.1.4.1.57264.1.1"
_ISSUER_V2: Final = "1.3.6.1.4.1.57264.1.8"


def find_witness(home: Path, chosen: Path | None) -> tuple[Witness | None, str]:
    """Who verifies bundles, or why nobody does, in a sentence.

    Raises: InputError when the trusted root that was chosen cannot be used.
    """
    place = chosen if chosen is not None else home / TRUSTED_ROOT
    if chosen is None and not place.is_file():
        return None, (
            f"no trusted root to check the bundle with: put it at HOME/{TRUSTED_ROOT},"
            " or say --trusted-root FILE"
        )
    if find_spec("sigstore") is None:
        return None, "bundles are checked by a library that is not installed: pratique[sigstore]"
    return SigstoreWitness(place), ""


class SigstoreWitness:
    """Verifies with one trusted root. Asks nobody."""

    def __init__(self, trusted_root: Path) -> None:
        """Read the trusted root. Raises: InputError."""
        self._verifier = _verifier(trusted_root)

    def verify(self, bundle: bytes) -> Verified:
        """What the bundle proves. Raises: UnreadablePieceError."""
        from sigstore.errors import Error  # noqa: PLC0415 - an extra, heavy
        from sigstore.models import Bundle, InvalidBundle  # noqa: PLC0415 - as above
        from sigstore.verify.policy import UnsafeNoOp  # noqa: PLC0415 - as above

        if len(bundle) > _MAX_BUNDLE:
            raise UnreadablePieceError(f"it has more than {_MAX_BUNDLE >> 20} MiB")
        try:
            read = Bundle.from_json(bundle)
            # Whose identity it is, the register says afterwards; here any will do.
            kind, payload = self._verifier.verify_dsse(read, UnsafeNoOp())
            return Verified(
                identity=_identity(read.signing_certificate),
                issuer=_issuer(read.signing_certificate),
                at=_logged(read),
                payload_type=kind,
                payload=payload,
            )
        except (Error, InvalidBundle) as error:
            raise UnreadablePieceError(line(str(error), 200) or type(error).__name__) from None
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            # The library is not written for hostile bundles throughout.
            raise UnreadablePieceError(f"it is no bundle ({type(error).__name__})") from None


def _verifier(place: Path) -> Verifier:
    from sigstore.errors import Error  # noqa: PLC0415 - as above
    from sigstore.models import TrustedRoot  # noqa: PLC0415 - as above
    from sigstore.verify import Verifier  # noqa: PLC0415 - as above

    try:
        if place.stat().st_size > _MAX_ROOT:
            raise InputError(f"{place} is too large for a trusted root")
        return Verifier(trusted_root=TrustedRoot.from_file(str(place)))
    except (OSError, Error, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"cannot use the trusted root {place}: {line(str(error), 200)}",
            expected="trusted_root.json, as Sigstore's TUF repository has it",
        ) from error


def _identity(certificate: Certificate) -> str:
    from cryptography.x509 import (  # noqa: PLC0415 - as above
        RFC822Name,
        SubjectAlternativeName,
        UniformResourceIdentifier,
    )

    names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    found = [
        *names.get_values_for_type(RFC822Name),
        *names.get_values_for_type(UniformResourceIdentifier),
    ]
    if len(found) != 1:
        raise UnreadablePieceError("its certificate names no single e-mail address or URL")
    return found[0]


def _issuer(certificate: Certificate) -> str:
    from cryptography.x509 import UnrecognizedExtension  # noqa: PLC0415 - as above

    found: dict[str, bytes] = {
        one.oid.dotted_string: one.value.value
        for one in certificate.extensions
        if isinstance(one.value, UnrecognizedExtension)
    }
    if _ISSUER_V2 in found:
        return _utf8_string(found[_ISSUER_V2])
    return found.get(_ISSUER_V1, b"").decode("utf-8", "replace")


def _utf8_string(der: bytes) -> str:
    """The text of a DER UTF8String shorter than 64 KiB."""
    if der[:1] != b"\x0c" or len(der) < 2:  # noqa: PLR2004 - tag and length
        raise UnreadablePieceError("its certificate names an issuer that is no text")
    length, start = der[1], 2
    if length in {0x81, 0x82}:
        start += length - 0x80
        length = int.from_bytes(der[2:start], "big")
    if len(der) != start + length:
        raise UnreadablePieceError("its certificate names an issuer that is no text")
    return der[start:].decode("utf-8", "replace")


def _logged(bundle: object) -> datetime | None:
    """When the transparency log took it; None where the bundle has another proof of time."""
    entry = getattr(bundle, "log_entry", None)
    inner = getattr(entry, "_inner", None)
    seconds = getattr(inner, "integrated_time", None)
    return datetime.fromtimestamp(int(seconds), tz=UTC) if seconds else None
