"""The writer of a journal: a training loop copies each step into a buffer, a thread does the rest.

The loop pays for one copy. Digests, norms, files and rows are made in the thread, whose long operations
run without the interpreter's lock. What goes wrong there is raised at the loop's next call, and nothing is
written after it.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from storage.database import connect
from storage.journal.budget import JournalLimits, budget_of, sweep, used_bytes
from storage.journal.errors import JournalError
from storage.journal.layout import Layout
from storage.journal.ring import Ring, Slot
from storage.journal.rows import Opened, Optimiser, close_journal, go_digest, open_journal
from storage.journal.shard import GradientPlaces
from storage.journal.sink import DIGEST, FULL, Facts, Place, Room, StepSink, Then, find_room
from storage.workspace import Workspace

STATES_OF_ADAM = 3


@dataclass(frozen=True)
class _Keep:
    slot: Slot
    facts: Facts


@dataclass(frozen=True)
class _Snapshot:
    step: int
    arrays: Mapping[str, NDArray[Any]]
    last: bool
    done: threading.Event


@dataclass(frozen=True)
class _Seal:
    then: Then | None
    done: threading.Event


@dataclass(frozen=True)
class _Stop:
    pass


_Command = _Keep | _Snapshot | _Seal | _Stop


class JournalWriter:
    """Keeps the steps of one attempt of a session, from the one after `start_step` on.

    `mode` is full or digest; a session that was begun in one keeps it. Raises StaleAttempt, JournalError for
    another network than the session began with, DatabaseLocked, DiskFull. Close it, or abandon it: as a
    context manager it does the first at the end of the block and the second when the block raises.
    """

    def __init__(
        self,
        workspace: Workspace,
        session_id: int,
        attempt: int,
        layout: Layout,
        *,
        mode: str,
        optimiser: Optimiser,
        start_step: int = 0,
        limits: JournalLimits | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        if mode not in (FULL, DIGEST):
            raise JournalError(f"{mode!r} is no mode of a journal that is written; modes: {FULL}, {DIGEST}")
        self._limits = limits or JournalLimits()
        self._say, self._start, self._step = say, start_step, start_step
        self._place = Place(workspace, session_id, attempt)
        self._ring = Ring(layout, self._limits.ring_bytes)
        self._error: BaseException | None = None
        self._ended = False  # whether the snapshot that ends mode full was handed over
        self._snapshot_written: threading.Event | None = None
        self._commands: queue.SimpleQueue[_Command] = queue.SimpleQueue()
        self._connection = connect(workspace.database)
        try:
            self._whole = self._begin(layout, mode, optimiser)
        except BaseException:
            self._connection.close()
            raise
        self._thread = threading.Thread(
            target=self._run, name=f"journal of session {session_id}", daemon=True
        )
        self._thread.start()

    def _begin(self, layout: Layout, mode: str, optimiser: Optimiser) -> bool:
        place, limits, connection = self._place, self._limits, self._connection
        used = used_bytes(connection)
        self._room = Room(budget_of(place.workspace, limits, used), used, STATES_OF_ADAM * layout.state_bytes)
        opened = open_journal(
            connection,
            place.session_id,
            place.attempt,
            mode=mode,
            layout=layout,
            optimiser=optimiser,
            budget_bytes=self._room.budget,
            start_step=self._start,
        )
        sweep(place.workspace, connection, place.session_id, place.attempt)
        ahead = self._ring.size + 1
        self._sink = StepSink(
            place,
            connection,
            layout,
            limits,
            self._room,
            mode=self._affordable(opened, GradientPlaces(layout, ahead).total),
            loss=opened.loss,
            steps_ahead=ahead,
        )
        return opened.whole

    def _affordable(self, opened: Opened, first_steps: int) -> str:
        """The mode to begin in: full only where a snapshot and some steps fit into the budget."""
        place, room = self._place, self._room
        needed = first_steps + 2 * room.snapshot_bytes
        if opened.mode != FULL or find_room(place, self._connection, room, needed, self._limits.shard_bytes):
            return opened.mode
        told = f"{room.budget / 1e6:,.0f} MB"
        why = (
            f"the budget for journals is {told}"
            if room.budget <= needed
            else f"the {told} for journals are taken"
        )
        since = "the first step" if self._start == 0 else f"step {self._start + 1:,}"
        text = f"{why}: from {since} on only norms and digests are kept"
        go_digest(self._connection, place.session_id, place.attempt, self._start + 1, text)
        self._say(f"journal: {text}")
        return DIGEST

    @property
    def mode(self) -> str:
        """full or digest; full becomes digest when the budget is met."""
        return self._sink.mode

    def slot(self) -> Slot:
        """Room for the next step, when there is some; raises what the writing of earlier steps met."""
        self._check()
        slot = self._ring.take()
        if slot is None:
            self._check()
            raise JournalError("the journal was closed; no step can be kept any more")
        return slot

    def keep(self, slot: Slot, facts: Facts) -> None:
        """Takes a filled slot over. Raises JournalError for a step out of turn: a gap cannot be rebuilt."""
        self._check()
        if facts.step != self._step + 1:
            raise JournalError(
                f"step {facts.step:,} was to be kept after step {self._step:,}; none may be missing"
            )
        self._step = facts.step
        self._commands.put(_Keep(slot, facts))

    def snapshot_due(self, step: int) -> bool:
        """Whether everything should be kept after this step; ask at `start_step` too."""
        room = self._room
        if room.wanted and not self._ended:
            return True
        due = not self._whole if step == self._start else step % self._limits.snapshot_steps == 0
        return due and (self.mode == FULL or room.fits(room.snapshot_bytes))

    def snapshot(self, step: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keeps everything as it is after `step`, the last that was kept; takes the arrays over."""
        self._check()
        if step != self._step:
            raise JournalError(f"a snapshot of step {step:,} was given after step {self._step:,}")
        if self._snapshot_written is not None:
            # Only one at a time is held in memory.
            self._snapshot_written.wait()
        self._snapshot_written = threading.Event()
        last = self._room.wanted and not self._ended
        self._ended = self._ended or last
        self._commands.put(_Snapshot(step, arrays, last, self._snapshot_written))

    def seal(self, then: Then | None = None) -> None:
        """Returns when everything so far is on the disk and recorded; what `then` writes in one transaction.

        `then` gets the writer's connection, inside the transaction. Never call this inside a transaction of
        another connection: the two would wait for each other.
        """
        self._check()
        done = threading.Event()
        self._commands.put(_Seal(then, done))
        done.wait()
        self._check()

    def norms(self) -> list[tuple[int, dict[str, float]]]:
        """(step, norm of the gradient by layer) of the steps since the last call, as far as known."""
        taken = []
        while self._sink.norms:
            taken.append(self._sink.norms.popleft())
        return taken

    def close(self) -> None:
        """Records everything, says that the journal is whole, and ends the thread."""
        place = self._place
        try:
            self.seal(lambda held: close_journal(held, place.session_id, place.attempt))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Ends the thread; what was not sealed is not kept. Nothing happens the second time."""
        if self._thread.is_alive():
            self._commands.put(_Stop())
            self._thread.join()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if not self._thread.is_alive():
            raise JournalError("the journal was closed; no step can be kept any more")

    def _run(self) -> None:
        while not isinstance(command := self._next(), _Stop):
            if self._error is None:
                try:
                    self._do(command)
                except BaseException as error:
                    self._fail(error)
            if isinstance(command, _Snapshot | _Seal):
                command.done.set()
        self._ring.break_off()

    def _next(self) -> _Command | None:
        """The next command; None when something that waits is old enough to be written."""
        patience = self._sink.patience() if self._error is None else math.inf
        try:
            return self._commands.get(timeout=None if patience == math.inf else max(0.0, patience))
        except queue.Empty:
            return None

    def _do(self, command: _Command | None) -> None:
        match command:
            case _Keep(slot, facts):
                self._sink.take(slot, facts)
                self._ring.give(slot)
                self._sink.commit_if_old()
            case _Snapshot(step, arrays, last, _):
                self._sink.snapshot(step, arrays, last=last)
                if last:
                    self._say(
                        f"journal: the budget is met; only norms and digests are kept after step {step:,}"
                    )
            case _Seal(then, _):
                self._sink.commit(then)
            case _:
                self._sink.commit_if_old()

    def _fail(self, error: BaseException) -> None:
        """From here on nothing is written; whoever waits is told at once."""
        self._error = error
        self._ring.break_off()
        try:
            self._sink.forget()
        except Exception as second:
            error.add_note(f"files of the journal that nobody vouches for were left: {second}")
