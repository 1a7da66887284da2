"""Compressions of image layers that are read."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from typing import Final

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": lambda data: gzip.compress(data, 1),
    "zstd": lambda data: zstd.compress(data, 1),
}


def packed_widely(data: bytes, *, window_log: int) -> bytes:
    """A frame of zstd that says that it needs 2 to the power of `window_log` bytes to unpack."""
    options = {zstd.CompressionParameter.window_log: window_log}
    packer = zstd.ZstdCompressor(options=options)
    return packer.compress(data) + packer.flush()
