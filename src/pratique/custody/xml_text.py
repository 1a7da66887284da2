"""Writing the few XML documents of S3: text is escaped once, here."""

from __future__ import annotations

from typing import Final

S3_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_ESCAPES: Final = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\r": "&#13;",
        "\n": "&#10;",
        # XML 1.0 has no way to write these; a reader would refuse the whole document.
        **{chr(code): "�" for code in range(0x20) if code not in {0x09, 0x0A, 0x0D}},
        "\ufffe": "�",
        "\uffff": "�",
    }
)


def escape(text: str) -> str:
    """Text as it stands between two tags; what XML cannot say becomes U+FFFD."""
    # isalnum is one quick scan; most texts are dates, sizes and hex.
    if text.isalnum():
        return text
    return text.translate(_ESCAPES).encode("utf-8", "replace").decode()


def element(name: str, text: str | int) -> str:
    """An element with nothing but text in it."""
    return f"<{name}>{escape(str(text))}</{name}>"


def flag(name: str, value: bool) -> str:  # noqa: FBT001  # an element has one value
    """An element that says true or false."""
    return f"<{name}>{'true' if value else 'false'}</{name}>"


def xml_document(root: str, *inner: str, namespace: str = S3_NAMESPACE) -> bytes:
    """A document from elements that are already escaped."""
    opening = f'{root} xmlns="{namespace}"' if namespace else root
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{opening}>{"".join(inner)}</{root}>'.encode()
