"""The one thread that opens the database and then watches it for what other processes commit.

Opening may migrate, and migrating may wait for another process; neither may stop the loop or hold up the
end of the program, so this is a daemon thread and not one of the event loop's own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from storage.workspace import Workspace
from tui.health import Health, read_health
from tui.reader import Gate

if TYPE_CHECKING:
    import sqlite3

HEALTH_SECONDS = 1.0
"""Time between two looks at the heartbeat: it grows old without anything being committed."""


class DatabaseOpened(Message):
    """The database is there; questions are let through from now on."""


class DatabaseRefused(Message):
    """The database cannot be used; `error` says why in words for the operator."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class DataChanged(Message):
    """Another connection has committed something."""

    def can_replace(self, message: Message) -> bool:
        """Any number of changes that nobody has looked at yet are one change."""
        return isinstance(message, DataChanged)


class HealthChanged(Message):
    """The worker, the jobs or their state are not what they were."""

    def __init__(self, health: Health) -> None:
        super().__init__()
        self.health = health

    def can_replace(self, message: Message) -> bool:
        """Only the newest state is worth a repaint."""
        return isinstance(message, HealthChanged)


class Watcher(threading.Thread):
    """Opens, reports, then looks every `seconds` until `stop`; a pause lasts from `pause` to `resume`."""

    def __init__(
        self,
        workspace: Workspace,
        gate: Gate,
        *,
        read_only: bool,
        seconds: float,
        post: Callable[[Message], object],
    ) -> None:
        super().__init__(name="database-watcher", daemon=True)
        self._workspace = workspace
        self._gate = gate
        self._read_only = read_only
        self._seconds = seconds
        self._post = post
        self._stopped = threading.Event()
        self._awake = threading.Event()
        self._awake.set()

    def stop(self) -> None:
        """Ends the thread at its next look."""
        self._stopped.set()
        self._awake.set()

    def pause(self) -> None:
        """Nothing is visible: no look until `resume`."""
        self._awake.clear()

    def resume(self) -> None:
        """Something is visible again."""
        self._awake.set()

    def run(self) -> None:
        """Opens the database, then watches it."""
        try:
            self._open()
        except Exception as error:
            self._gate.close()
            self._post(DatabaseRefused(error))
            return
        self._gate.open()
        self._post(DatabaseOpened())
        try:
            self._watch()
        except Exception as error:
            if not self._stopped.is_set():
                self._post(DatabaseRefused(error))

    def _open(self) -> None:
        from storage.database import connect, open_database, schema_version
        from storage.errors import StorageError

        path = self._workspace.database
        if self._read_only:
            if not path.exists():
                raise StorageError(
                    f"{path} does not exist, and --read-only makes nothing. Start without --read-only once."
                )
            schema_version(path)
            connect(path, readonly=True).close()
            return
        open_database(self._workspace).close()

    def _watch(self) -> None:
        from storage.database import connect
        from storage.watch import DatabaseWatch

        path = self._workspace.database
        watch = DatabaseWatch(path)
        connection = connect(path, readonly=True)
        health: Health | None = None
        idle = HEALTH_SECONDS
        try:
            while not self._stopped.is_set():
                changed = watch.changed()
                if changed:
                    self._post(DataChanged())
                if changed or idle >= HEALTH_SECONDS:
                    idle = 0.0
                    health = self._look(connection, health)
                idle += self._seconds
                self._stopped.wait(self._seconds)
                self._awake.wait()
        finally:
            connection.close()
            watch.close()

    def _look(self, connection: sqlite3.Connection, before: Health | None) -> Health:
        health = read_health(connection)
        if health != before:
            self._post(HealthChanged(health))
        return health
