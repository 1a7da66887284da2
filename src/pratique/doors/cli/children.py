"""What every process that `pratique up` starts does: it ends with who started it, and says why it fails."""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pratique.doors.cli import EXIT_CANNOT, echo_error
from pratique.doors.cli.logs import configure_logs
from pratique.errors import PratiqueError

STOP_SECONDS: Final = 15.0
"""How long a process may take to end in order."""

_log = logging.getLogger(__name__)


@contextmanager
def child_process(*, verbose: bool) -> Iterator[None]:
    """For as long as a child of this program works."""
    configure_logs(verbose=verbose)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    try:
        yield
    except PratiqueError as error:
        echo_error(error)
        sys.exit(EXIT_CANNOT)


def _end_with_parent() -> None:
    """Who was killed cannot end its processes, which would keep the address from the next one."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    _log.error("the process that started this one is gone")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)
