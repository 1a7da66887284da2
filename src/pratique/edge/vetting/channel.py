"""The worker's end of the socket: whole frames and passed descriptors, blocking.

Headers are read with recvmsg and never beyond, so that a descriptor arrives with the frame that it
was sent with.
"""

from __future__ import annotations

import array
import socket

from pratique.edge.vetting.frames import FRAME_BYTES, HEADER, Kind, Payload, frame

_DESCRIPTORS = 2
_INT_BYTES = array.array("i").itemsize


class ParentGoneError(BaseException):
    """The other end closed: nobody waits for an answer. No `except Exception` of a job holds it."""


class Channel:
    """Frames over one connected stream socket."""

    def __init__(self, descriptor: int) -> None:
        # Family and type are named, so that nothing has to be asked of the kernel.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=descriptor)

    def send(self, kind: Kind, payload: Payload | None = None) -> None:
        """Send one frame. Raises: ParentGoneError."""
        try:
            self._socket.sendall(frame(kind, payload))
        except OSError as error:
            raise ParentGoneError from error

    def receive(self) -> tuple[Kind, bytes, list[int]]:
        """The next frame with the descriptors that came with it. Raises: ParentGoneError."""
        try:
            head, descriptors = self._receive_head()
            size, kind = HEADER.unpack(head)
            if size > FRAME_BYTES:
                raise ParentGoneError
            return Kind(kind), self._exactly(size), descriptors
        except OSError as error:
            raise ParentGoneError from error

    def _receive_head(self) -> tuple[bytes, list[int]]:
        space = socket.CMSG_SPACE(_DESCRIPTORS * _INT_BYTES)
        head, ancillary, _flags, _address = self._socket.recvmsg(HEADER.size, space)
        descriptors = array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(content[: len(content) - len(content) % _INT_BYTES])
        if not head:
            raise ParentGoneError
        return head + self._exactly(HEADER.size - len(head)), list(descriptors)

    def _exactly(self, size: int) -> bytes:
        if size == 0:
            return b""
        received = self._socket.recv(size, socket.MSG_WAITALL)
        if len(received) == size:
            return received
        pieces = [received]
        missing = size - len(received)
        while missing:
            if not pieces[-1]:
                raise ParentGoneError
            pieces.append(self._socket.recv(missing, socket.MSG_WAITALL))
            missing -= len(pieces[-1])
        return b"".join(pieces)
