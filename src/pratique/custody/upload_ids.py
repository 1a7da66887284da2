"""Ids of uploads, and why those into sealed datasets are longer.

Parts of an upload have to be read once more, to be cut anew into parts of 64 MiB. So that nobody here can
read them even meanwhile, the key of a sealed dataset's upload hangs on the id that its sender was told:
256 random bits, of which the store has a hash only. Whoever holds disks, database and broker still
needs the sender's next request to open what was staged.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import Final

from pratique.custody.s3_errors import Code, S3Error

_TOKEN: Final = re.compile(r"[0-9a-f]{64}")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_ID_DOMAIN: Final = b"pratique-sealed-upload-1\x00"
_KEY_DOMAIN: Final = b"pratique-sealed-upload-key-1\x00"


def stored_id(told: str) -> str:
    """What the store calls an upload whose sender was told this id. Raises: S3Error (NoSuchUpload)."""
    if _TOKEN.fullmatch(told) is not None:
        return sha256(_ID_DOMAIN + told.encode("ascii")).hexdigest()[:32]
    if _ID.fullmatch(told) is None:
        raise no_such_upload()
    return told


def staging_key(broker_key: bytes, told: str, *, sealed: bool) -> bytes:
    """The key of what an upload stages.

    Raises: S3Error (NoSuchUpload) for a sealed dataset's upload whose whole id is not known: a listing
    gives only as much of it as aborting takes.
    """
    if not sealed:
        return broker_key
    if _TOKEN.fullmatch(told) is None:
        raise no_such_upload()
    return hmac.digest(broker_key, _KEY_DOMAIN + told.encode("ascii"), "sha256")


def no_such_upload() -> S3Error:
    """There is none, or it is another's, or it ended."""
    return S3Error(
        Code.NO_SUCH_UPLOAD,
        "there is no such upload of this lease that still takes parts; it may have been completed, "
        "aborted or forgotten",
    )
