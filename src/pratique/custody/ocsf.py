"""Reads as OCSF 1.5.0 events for a SIEM: one Datastore Activity (6005) per read.

Source: schema.ocsf.io, class datastore_activity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pratique import __version__
from pratique.custody.model import SEGMENT_BYTES
from pratique.custody.read_entries import ReadLine, ReadsBody, lease_of, read_lines, reads_body
from pratique.ledger.entries import Entry

VERSION: Final = "1.5.0"
_APPLICATION: Final = 6
_DATASTORE: Final = 6005
_READ: Final = 1
_INFORMATIONAL: Final = 1
_SUCCESS: Final = 1
_OTHER_BUCKET: Final = 99
_REGULAR_FILE: Final = 1


def read_events(entry: Entry, *, origin: str) -> Iterator[dict[str, Any]]:
    """The reads of an entry; none of another kind. Raises: ValueFormatError.

    `origin`: name of the log, so that a place in it names the event.
    """
    if entry.kind != "reads":
        return
    body = reads_body(entry)
    for number, line in enumerate(read_lines(body)):
        yield _event(entry, body, line, f"{origin}/{entry.sequence}/{number}")


def _event(entry: Entry, body: ReadsBody, line: ReadLine, uid: str) -> dict[str, Any]:
    at = int(entry.recorded_at.timestamp() * 1000)
    return {
        "activity_id": _READ,
        "activity_name": "Read",
        "actor": {
            "session": {"uid": lease_of(entry)},
            "user": {
                "name": body.holder,
                "org": {"name": body.vendor},
                "type_id": 0,
                "uid": f"{body.vendor}/{body.project}/{body.holder}",
            },
        },
        "category_name": "Application Activity",
        "category_uid": _APPLICATION,
        "class_name": "Datastore Activity",
        "class_uid": _DATASTORE,
        "databucket": {
            "file": {
                "name": line.object,
                "type_id": _REGULAR_FILE,
                "uid": line.object,
            },
            "name": body.dataset,
            "type": "Pratique dataset",
            "type_id": _OTHER_BUCKET,
        },
        "http_request": {"user_agent": line.agent},
        "http_response": {"code": line.status},
        "metadata": {
            "log_name": uid.partition("/")[0],
            "product": {"name": "Pratique", "vendor_name": "Pratique", "version": __version__},
            "uid": uid,
            "version": VERSION,
        },
        "severity": "Informational",
        "severity_id": _INFORMATIONAL,
        "src_endpoint": {"ip": line.address},
        "status": "Success",
        "status_id": _SUCCESS,
        "time": at,
        "type_name": "Datastore Activity: Read",
        "type_uid": _DATASTORE * 100 + _READ,
        "unmapped": {
            "bytes": line.bytes,
            "client": body.client,
            "copy": line.variant,
            "project": body.project,
            "segments": [line.first, line.last],
            "segment_bytes": SEGMENT_BYTES,
        },
    }
