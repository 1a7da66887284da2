"""Hears which paths below some roots change, and knows when it may have missed something."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from watchdog.events import (
    EVENT_TYPE_CLOSED_NO_WRITE,
    EVENT_TYPE_OPENED,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, EventEmitter

from pratique.values.instants import Clock, Instant

_READING: Final = frozenset({EVENT_TYPE_OPENED, EVENT_TYPE_CLOSED_NO_WRITE})
"""Somebody, we perhaps, read a file: nothing changed."""
MAX_HEARD: Final = 50_000
"""Paths kept between two rounds; beyond that everything is read again."""


@dataclass(slots=True)
class Heard:
    """What changed since the last round."""

    paths: dict[str, None] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=dict)
    """Folders that came or moved in: everything in them is new."""
    first: Instant | None = None
    """When the first change was heard."""
    missed: str = ""
    """Why changes may have gone unheard; "" when none have."""


class Ear(FileSystemEventHandler):
    """Listens from `listen` until `close`."""

    def __init__(self, *, now: Clock, deaf_to: Iterable[Path] = ()) -> None:
        """`deaf_to`: folders of our own, whose changes do not matter."""
        self._now = now
        self._deaf_to = tuple(f"{one.resolve()}{os.sep}" for one in deaf_to)
        self._lock = threading.Lock()
        self._heard = Heard()
        self._observer: BaseObserver | None = None
        self._overflows = _Overflows(self)

    def listen(self, roots: Sequence[Path]) -> str:
        """Begin to listen; gives why that is impossible, "" when it is not."""
        # It warns of a folder that both it and `hear` found, and a warning made an error kills its thread.
        warnings.filterwarnings(
            "ignore", message="Callback with id", category=RuntimeWarning, module=r"watchdog\."
        )
        observer = Observer()
        try:
            for root in roots:
                observer.schedule(self, str(root), recursive=root.is_dir())
            observer.start()
        except OSError as error:
            observer.unschedule_all()
            return f"cannot watch: {error.strerror or type(error).__name__}"
        self._observer = observer
        logging.getLogger("watchdog").addHandler(self._overflows)
        return ""

    def close(self) -> None:
        """Listen no more."""
        logging.getLogger("watchdog").removeHandler(self._overflows)
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=10.0)
            self._observer = None

    @property
    def alive(self) -> bool:
        """Whether changes can be heard at all."""
        observer = self._observer
        return (
            observer is not None
            and observer.is_alive()
            and all(emitter.is_alive() and _reads(emitter) for emitter in observer.emitters)
        )

    def take(self) -> Heard:
        """What was heard since the last call."""
        with self._lock:
            heard, self._heard = self._heard, Heard()
        if not self.alive:
            heard.missed = heard.missed or "the system stopped telling of changes"
        return heard

    def hears(self, folder: str) -> bool:
        """Whether changes directly in a folder are told.

        The library passes over folders below a root that the system has no room to watch, so its
        own table is asked. Where it has none (other systems), one watch covers a whole tree.
        """
        observer = self._observer
        if observer is None:
            return False
        tables = [
            getattr(getattr(emitter, "_inotify", None), "_active_callbacks_by_path", None)
            for emitter in observer.emitters
        ]
        known = [table for table in tables if table is not None]
        return not known or any(os.fsencode(folder) in table for table in known)

    def hear(self, folder: str) -> bool:
        """Listen to a folder that came, if nobody does; False where the system has no room for it.

        The library adds watches while folders are still being made, and may pass over one that came in
        between: whatever happens in it would then go unheard for ever.
        """
        observer = self._observer
        if observer is None or self.hears(folder):
            return observer is not None
        try:
            observer.schedule(self, folder, recursive=True)
        except OSError:
            return False
        return self.hears(folder)

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called by the library's threads."""
        if event.event_type in _READING:
            return
        paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
        paths = [path for path in paths if not path.startswith(self._deaf_to)]
        with self._lock:
            if paths and self._heard.first is None:
                self._heard.first = self._now()
            for path in paths:
                if len(self._heard.paths) >= MAX_HEARD:
                    self._heard.missed = f"more than {MAX_HEARD} paths changed at once"
                    return
                self._heard.paths[path] = None
                if event.is_directory and event.event_type in {"created", "moved"}:
                    self._heard.folders[path] = None

    def miss(self, why: str) -> None:
        """Something went unheard."""
        with self._lock:
            self._heard.missed = self._heard.missed or why
            if self._heard.first is None:
                self._heard.first = self._now()


def _reads(emitter: EventEmitter) -> bool:
    """Whether the thread that reads the system's events lives; it is not the emitter's, and may die alone."""
    reading = getattr(emitter, "_inotify_fd", None)
    return not isinstance(reading, threading.Thread) or reading.is_alive()


class _Overflows(logging.Handler):
    """The library tells of lost events in its log only."""

    def __init__(self, ear: Ear) -> None:
        super().__init__(level=logging.WARNING)
        self._ear = ear

    def emit(self, record: logging.LogRecord) -> None:
        if "overflow" in record.getMessage().lower():
            self._ear.miss("the system's queue of changes overflowed")
