"""How a text is hidden: encoders that give both the encoded text and the Python that decodes it."""

from __future__ import annotations

import base64
import io
import textwrap
import wave
import zlib

KEY = bytes((17, 61, 139, 5, 201, 88, 240, 33))
"""Of the rolling xor; eight bytes, as in the sound of March 2026."""


def b64(text: str | bytes) -> str:
    """Plain base64 of a text."""
    return base64.b64encode(_bytes(text)).decode()


def b85(text: str) -> str:
    """Base85, which needs no padding."""
    return base64.b85encode(text.encode()).decode()


def packed(text: str) -> str:
    """Compressed, then base64."""
    return b64(zlib.compress(text.encode(), 9))


def backwards(text: str) -> str:
    """Base64, read from its end."""
    return b64(text)[::-1]


def xored(data: str | bytes, key: bytes = KEY) -> bytes:
    """Rolling xor."""
    return bytes(byte ^ key[at % len(key)] for at, byte in enumerate(_bytes(data)))


def lines(text: str, width: int = 76) -> str:
    """A long constant as adjacent literals, indented."""
    return "\n".join(f'    "{part}"' for part in textwrap.wrap(text, width))


def sound(payload: str | bytes) -> bytes:
    """A mono 8-bit WAV whose frames are base64 of key and xored payload."""
    made = io.BytesIO()
    with wave.open(made, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(1)
        opened.setframerate(8000)
        opened.writeframes(b64(KEY + xored(payload)).encode())
    return made.getvalue()


def program(size: int) -> bytes:
    """The head of a Windows program and nothing that could run: zeros."""
    head = b"MZ\x90\x00" + bytes(56) + (128).to_bytes(4, "little") + bytes(64) + b"PE\x00\x00"
    return head + b"\x64\x86" + bytes(size - len(head) - 2)


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data
