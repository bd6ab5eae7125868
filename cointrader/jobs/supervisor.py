"""The supervisor: claims jobs, gives each a child process of its own, and watches them.

It never does a job itself, so nothing that a job does (a crash, a leak, a kernel that runs for minutes)
can stop its heartbeat. A child's lease is renewed because the child is alive, not because it says so.
The loop is one thread that sleeps in `select` until a child ends, a signal comes or it is time to look:
children are started by this thread alone, as PR_SET_PDEATHSIG demands.
"""

from __future__ import annotations

import os
import select
import signal
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from cointrader.jobs.children import CHILD_PROGRAM, Child, start_child
from cointrader.jobs.close_training import WaitingCloses
from cointrader.jobs.fate import end_in_words, settle_lost
from cointrader.jobs.hindsight import WaitingHindsight
from cointrader.jobs.journal import say
from cointrader.jobs.new_candles import NewCandles
from cointrader.jobs.orphans import release_orphans
from cointrader.jobs.retraining import WaitingRetraining
from cointrader.jobs.watching import Watching
from cointrader.settings import WorkerSettings
from storage import jobs as queue
from storage.clock import boottime_ns
from storage.errors import DatabaseLocked, DiskFull, StaleAttempt
from storage.workspace import Workspace

POLL_SECONDS = 0.25  # how soon a new row in the queue is seen
BEAT_SECONDS = 2.0
LEASE_SECONDS = 15.0
ASKED_TO_END = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
END_GRACE_SECONDS = 30.0  # for a job that was cancelled or has ended its row, to end its process
STOP_GRACE_SECONDS = 20.0
LIVE_SLOTS = 16  # runs that wait for bars most of the time; they take no place from other jobs


class Supervisor:
    """One worker of a workspace; several may run side by side and claim disjoint jobs.

    `idle_exit` is the number of seconds without work after which it ends; None means never.
    `child_program` is what the interpreter of a child is given before the job's number and attempt.
    `watching` is the watcher of inbox and bot, which lives as long as the worker; None for none.
    `candles` queues a collection when there are new ones, `closes` a training when there are lessons that
    wait, `hindsight` a look back at rejected signals, `retraining` a training of what decides; None for
    nobody who does.
    """

    def __init__(
        self,
        workspace: Workspace,
        connection: sqlite3.Connection,
        settings: WorkerSettings,
        *,
        idle_exit: float | None = None,
        child_program: Sequence[str] = CHILD_PROGRAM,
        watching: Watching | None = None,
        candles: NewCandles | None = None,
        closes: WaitingCloses | None = None,
        hindsight: WaitingHindsight | None = None,
        retraining: WaitingRetraining | None = None,
    ) -> None:
        self._workspace = workspace
        self._connection = connection
        self._settings = settings
        self._idle_exit = idle_exit
        self._child_program = child_program
        self._watching = watching
        self._looking = (
            (candles, "setups are to be collected from new candles"),
            (closes, "models are to learn from closed positions"),
            (hindsight, "rejected signals are to be looked back at"),
            (retraining, "decision is to be trained again"),
        )
        self._children: dict[int, Child] = {}
        self._signals = 0
        self._stop_at = 0.0
        self._trouble = ""
        self._beat_at_ns = 0
        self._busy_at = time.monotonic()
        self._wake_reading, self._wake_writing = os.pipe()
        os.set_blocking(self._wake_reading, False)
        os.set_blocking(self._wake_writing, False)
        self.worker_id = queue.register_worker(
            connection, cpu_slots=settings.cpu_slots, gpu_slots=settings.gpu_slots
        )

    def run(self) -> None:
        """Work until told to stop or idle for long enough; every child has ended when this returns."""
        say(f"worker {self.worker_id} (process {os.getpid()}) works in {self._workspace.root}")
        try:
            with self._signals_caught():
                while self._turn():
                    self._sleep()
        finally:
            self._kill_children()
            if self._watching is not None:
                self._watching.stop()
            queue.stop_worker(self._connection, self.worker_id)
            self._checkpoint()
            os.close(self._wake_reading)
            os.close(self._wake_writing)
            say(f"worker {self.worker_id} has ended")

    def _turn(self) -> bool:
        """One round; False when the loop is over."""
        try:
            self._reap()
            self._beat()
            if self._signals:
                return self._wind_down()
            for looks, purpose in self._looking:
                if looks is not None and (job_id := looks.look()):
                    say(f"job {job_id}: {purpose}")
            self._claim()
        except (DatabaseLocked, DiskFull) as error:
            # Nothing was written, and children do not stop for it. The next round tries again.
            self._tell_once(str(error))
        if self._children:
            self._busy_at = time.monotonic()
            return True
        return self._idle_exit is None or time.monotonic() - self._busy_at < self._idle_exit

    def _tell_once(self, trouble: str) -> None:
        """Say what is in the way, but not four times a second."""
        if trouble != self._trouble:
            self._trouble = trouble
            say(trouble)

    # -- claiming and starting ------------------------------------------------------------------

    def _claim(self) -> None:
        while free := self._free_slots():
            job = queue.claim(self._connection, self.worker_id, free, LEASE_SECONDS)
            if job is None:
                return
            self._end_earlier(job.id)
            try:
                child = start_child(self._workspace, self._settings, job, self._child_program)
            except OSError as error:
                queue.finish(self._connection, job.id, job.attempt, "failed", error=f"cannot start: {error}")
                continue
            self._children[job.id] = child
            self._record(child)
            say(f"job {job.id} ({job.title}): attempt {job.attempt}, process {child.process.pid}")

    def _end_earlier(self, job_id: int) -> None:
        """Kill this worker's own earlier attempt of a job whose lease ran out while it slept or waited."""
        earlier = self._children.pop(job_id, None)
        if earlier is not None:
            earlier.process.kill()
            earlier.process.wait()
            earlier.close()

    def _record(self, child: Child) -> None:
        """Note the process of a job; a child that was quicker than this has already ended its job."""
        log_path = str(child.log_path.relative_to(self._workspace.root))
        with suppress(StaleAttempt):
            queue.record_child(
                self._connection, child.job.id, child.job.attempt, pid=child.process.pid, log_path=log_path
            )

    def _free_slots(self) -> dict[str, int]:
        """The free places by kind of slot; empty when there is none."""
        free = {"cpu": self._settings.cpu_slots, "gpu": self._settings.gpu_slots, "live": LIVE_SLOTS}
        for child in self._children.values():
            free[child.job.slot] -= 1
        return {slot: places for slot, places in free.items() if places > 0}

    # -- watching -------------------------------------------------------------------------------

    def _reap(self) -> None:
        """Settle what has ended; a process that left its row running has crashed, unless it was to end."""
        for job_id, child in list(self._children.items()):
            status = child.process.poll()
            if status is None:
                continue
            state = self._settle(child, status)  # may raise DatabaseLocked: then the next round settles it
            del self._children[job_id]
            child.close()
            say(f"job {job_id}: {state}, {end_in_words(status)}")
            if not self._children:
                self._checkpoint()

    def _settle(self, child: Child, status: int) -> str:
        """The state of the job of an ended process, after a word was said for a process that said none."""
        job = queue.get_job(self._connection, child.job.id)
        if job.attempt != child.job.attempt:
            return "taken over by another attempt"
        if job.state != queue.RUNNING:
            return job.state
        if job.cancel_requested:
            queue.finish(self._connection, job.id, job.attempt, "cancelled")
            return "cancelled"
        if self._signals:
            queue.interrupt(self._connection, job.id, job.attempt)
            return "interrupted"
        return settle_lost(self._connection, job, end_in_words(status))

    def _beat(self) -> None:
        """Every two seconds: say that the worker lives, vouch for its children, look for orphans."""
        now = time.monotonic()
        # Leases run on while the machine sleeps, and so must the time until they are renewed.
        booted = boottime_ns()
        if booted - self._beat_at_ns < BEAT_SECONDS * 1e9:
            return
        queue.heartbeat(self._connection, self.worker_id)
        for child in self._children.values():
            self._vouch(child, now)
        # Not before: a beat that met a lock is made up for before anything is claimed, or this worker
        # would find its own jobs without a lease and run them twice.
        self._beat_at_ns = booted
        if not self._signals:
            if self._watching is not None:
                self._watching.keep_alive()
            for text in release_orphans(self._connection):
                say(text)

    def _vouch(self, child: Child, now: float) -> None:
        """Renew a living child's lease; kill it when its job was taken over, or when it overstays its end."""
        if queue.renew(self._connection, child.job.id, child.job.attempt, LEASE_SECONDS):
            to_end = queue.cancel_requested(self._connection, child.job.id)
        else:
            to_end = True
            if queue.get_job(self._connection, child.job.id).attempt != child.job.attempt:
                child.process.kill()
        if to_end and child.to_end_since is None:
            child.to_end_since = now
        elif to_end and child.to_end_since is not None and now - child.to_end_since > END_GRACE_SECONDS:
            child.process.kill()

    # -- ending ---------------------------------------------------------------------------------

    def _wind_down(self) -> bool:
        """Ask every child for a checkpoint and wait; a second signal or the end of patience kills them."""
        if not self._stop_at:
            self._stop_at = time.monotonic()
            say(f"stopping: {len(self._children)} job(s) leave a checkpoint and go on with the next worker")
            for child in self._children.values():
                child.ask_to_stop()
        if self._signals > 1 or time.monotonic() - self._stop_at > STOP_GRACE_SECONDS:
            self._kill_children()
        return bool(self._children)

    def _kill_children(self) -> None:
        for child in self._children.values():
            child.process.kill()
            child.process.wait()
        self._reap()

    def _checkpoint(self) -> None:
        """Fold the WAL into the database while nobody works; a reader in the way is no reason to wait."""
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self._connection.execute("PRAGMA busy_timeout = 30000")

    # -- sleeping -------------------------------------------------------------------------------

    def _sleep(self) -> None:
        """Until a child ends, a signal comes, or it is time to look at the queue."""
        descriptors = [self._wake_reading, *(child.pidfd for child in self._children.values())]
        ready, _, _ = select.select(descriptors, [], [], POLL_SECONDS)
        if self._wake_reading in ready:
            os.read(self._wake_reading, 4096)

    @contextmanager
    def _signals_caught(self) -> Iterator[None]:
        """Signals that ask for an end end the loop in good order, and wake it from its sleep."""
        before = {number: signal.signal(number, self._on_signal) for number in ASKED_TO_END}
        descriptor = signal.set_wakeup_fd(self._wake_writing, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(descriptor)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
