"""Asking the database without ever stopping the event loop.

A question is a function of a connection. It runs in a thread, and its answer comes back to the widget
that asked, on the loop. A newer question of the same group interrupts the older one inside SQLite, and an
answer that arrives too late is dropped: every question has a generation, and only the newest one counts.
Headless except for `Asker`, which ties a reader to a widget.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import sqlite3

    from textual.dom import DOMNode

Answer = TypeVar("Answer")
OPCODES_BETWEEN_LOOKS = 400_000
"""Steps of SQLite's machine, some tens of milliseconds, between two looks whether anyone still waits."""

Question = Callable[["sqlite3.Connection"], Answer]


class Superseded(Exception):
    """Nobody waits for this answer any more."""


class Gate:
    """Keeps questions waiting until the database is open, and turns them away when it never will be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._settled = threading.Event()
        self._is_open = False

    def open(self) -> None:
        """The database is there and has the right schema: let the questions through."""
        self._is_open = True
        self._settled.set()

    def close(self) -> None:
        """The console ends, or the database was refused: turn every question away."""
        self._is_open = False
        self._settled.set()

    def reset(self) -> None:
        """The database is being opened once more: let the questions wait again."""
        self._settled.clear()

    def pass_through(self) -> None:
        """Waits for the database; raises Superseded when it will not be there."""
        self._settled.wait()
        if not self._is_open:
            raise Superseded


class Reader:
    """One read-only connection, and the generation of its newest question."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._generation = 0
        self._closed = False

    def supersede(self) -> int:
        """Makes every question so far obsolete, interrupts the running one, returns the new generation."""
        self._generation += 1
        connection = self._connection
        if connection is not None and self._turn.locked():
            connection.interrupt()
        return self._generation

    def is_current(self, generation: int) -> bool:
        """Whether no newer question has been asked since."""
        return generation == self._generation and not self._closed

    def ask(self, generation: int, question: Question[Answer]) -> Answer:
        """The answer, computed in the calling thread; raises Superseded when nobody wants it any more."""
        self._gate.pass_through()
        with self._turn:
            try:
                return self._answer(generation, question)
            finally:
                if self._closed:
                    self._disconnect()

    def _answer(self, generation: int, question: Question[Answer]) -> Answer:
        import sqlite3

        while self.is_current(generation):
            try:
                if self._connection is None:
                    from storage.database import connect

                    self._connection = connect(self._gate.path, readonly=True)
                # Ends also the statement that starts just after `supersede` has interrupted.
                self._connection.set_progress_handler(
                    lambda: not self.is_current(generation), OPCODES_BETWEEN_LOOKS
                )
                return question(self._connection)
            except sqlite3.OperationalError as error:
                # An interrupt goes on to statements that start before those it was meant for have
                # ended (sqlite3_interrupt): what hits the newest question was meant for an older one.
                if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise
        raise Superseded

    def close(self) -> None:
        """Interrupts what runs; the connection is closed now, or by whoever is still using it."""
        self._closed = True
        self.supersede()
        if self._turn.acquire(blocking=False):
            try:
                self._disconnect()
            finally:
                self._turn.release()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Asker:
    """The readers of one widget or screen, one a group of questions."""

    def __init__(self, node: DOMNode, gate: Gate) -> None:
        self._node = node
        self._gate = gate
        self._readers: dict[str, Reader] = {}

    def ask(
        self,
        question: Question[Answer],
        then: Callable[[Answer], None],
        *,
        group: str = "page",
        failed: Callable[[Exception], None],
    ) -> None:
        """Asks in a thread; `then(answer)` or `failed(error)` runs on the loop, unless a newer one came."""
        reader = self._readers.setdefault(group, Reader(self._gate))
        generation = reader.supersede()
        node = self._node

        def deliver(callback: Callable[..., None], value: object) -> None:
            if reader.is_current(generation) and node.is_attached:
                callback(value)

        def work() -> None:
            try:
                answer = reader.ask(generation, question)
            except Superseded:
                return
            except Exception as error:
                node.call_later(deliver, failed, error)
                return
            node.call_later(deliver, then, answer)

        node.run_worker(work, thread=True, exclusive=True, group=f"ask-{group}", exit_on_error=False)

    def drop(self, group: str | None = None) -> None:
        """Interrupts the questions of a group, or all of them; their answers are not delivered."""
        for name, reader in self._readers.items():
            if group in (None, name):
                reader.supersede()

    def close(self) -> None:
        """Interrupts everything and closes the connections."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
