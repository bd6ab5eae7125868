"""Where the parts of the Core Agent meet: one workspace, one account, one log, one way to write a decision.

Signal, rejection, answers of the agents, the core's memory, its log and the account after it are written in
one transaction: a decision is there whole or not at all. Several processes may use one workspace; the account
is read again whenever another one has decided since.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from cointrader import __version__
from cointrader.core.agent_answers import Response
from cointrader.core.agent_logger import CoreAgentLogger, make_event
from cointrader.core.last_close import LastCloses
from cointrader.core.memory.record_text import clean_text, text_of, write_record
from cointrader.core.portfolio import Portfolio
from cointrader.core.signal_filter import LONGEST_NAME
from cointrader.core.wish import Rejected
from cointrader.settings import Settings, load_settings
from storage.agent_responses import AgentResponseRow, add_agent_responses
from storage.clock import now_ms as wall_clock
from storage.context_records import (
    INVALID,
    ContextRecord,
    add_context_record,
    find_told,
    mark_decided,
    mark_withdrawn,
)
from storage.core_decisions import (
    DecidedSignal,
    add_decision,
    core_run_rev,
    find_core_run,
    keep_account,
    start_core_run,
    withdraw,
)
from storage.core_events import CoreEvent, Severity, add_core_events
from storage.database import open_database, transaction
from storage.insert import merge_text_seldom
from storage.workspace import Workspace, resolve_workspace

BAR_MS = 300_000
MOST_PENDING = 1_000
MOST_PENDING_EACH = 100
EXECUTING = "executing.lock"
# A checkpoint of 1,000 pages, the default, would come with every hundredth decision and be its slowest.
CHECKPOINT_PAGES = 10_000


class Desk:
    """Opened at the first use; to be used by one thread at a time, which `alone` sees to."""

    def __init__(
        self,
        workspace: Workspace | None = None,
        *,
        settings: Settings | None = None,
        clock: Callable[[], int] = wall_clock,
        bar_ms: int = BAR_MS,
    ) -> None:
        """`bar_ms` is the bar of the signals: their staleness is counted in it."""
        self.workspace = workspace or resolve_workspace()
        self.clock = clock
        self.bar_ms = bar_ms
        self.lock = threading.RLock()
        self.last_seen: dict[str, int] = {}
        self.latest_ms = 0
        self.logger = CoreAgentLogger(workspace=self.workspace)
        self.closes = LastCloses(self.workspace)
        self._settings = settings
        self._connection: sqlite3.Connection | None = None
        self._portfolio: Portfolio | None = None
        self._run_id, self._rev = 0, -1
        self._depth = 0
        self._events: list[CoreEvent] = []
        self._pending: dict[str, list[Response]] = {}

    @property
    def settings(self) -> Settings:
        """Those of the workspace, unless others were given."""
        if self._settings is None:
            self._settings = load_settings(self.workspace.config)
        return self._settings

    @property
    def connection(self) -> sqlite3.Connection:
        """The database, opened when it is first needed."""
        if self._connection is None:
            self._connection = open_database(self.workspace)
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            with transaction(self._connection):
                merge_text_seldom(self._connection, "signal", "rejection")
        return self._connection

    @property
    def portfolio(self) -> Portfolio:
        """The account; `refresh` brings it up to date."""
        if self._portfolio is None:
            self._portfolio = Portfolio(self.settings, bar_ms=self.bar_ms)
        return self._portfolio

    def close(self) -> None:
        """Closes the database; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One decision at a time; what was noted meanwhile is written at the end, whatever happened."""
        with self.lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._events and self._depth == 0:
                    self._write_what_is_left()

    @contextmanager
    def executing(self) -> Iterator[None]:
        """No other process executes an order of this workspace meanwhile, and none executes ours again.

        The lock ends with the process that holds it, however that ends.
        """
        self.workspace.create()
        with open(self.workspace.logs / EXECUTING, "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def note(self, action: str, data: Mapping[str, object], *, severity: Severity = "info") -> None:
        """Logs an action of the decision under way; it is written with the decision."""
        self._events.append(make_event(action, data, severity=severity))

    def remember(self, signal_id: str, response: Response) -> None:
        """Keeps an answer until its signal is decided and has a row; a signal without an id never has."""
        if not signal_id:
            return
        if len(self._pending) >= MOST_PENDING and signal_id not in self._pending:
            self._pending.pop(next(iter(self._pending)))
        answers = self._pending.setdefault(signal_id, [])
        del answers[: -(MOST_PENDING_EACH - 1)]
        answers.append(response)

    def refresh(self) -> None:
        """Reads the account again if another process has decided since."""
        if self._run_id and core_run_rev(self.connection, self._run_id) == self._rev:
            return
        run = find_core_run(self.connection)
        if run is None:
            if self._rev != 0:
                self.portfolio.forget()
                self.last_seen, self._run_id, self._rev = {}, 0, 0
        elif (run.id, run.rev) != (self._run_id, self._rev):
            self.portfolio.load(run.account.get("portfolio", {}))
            self.last_seen = {str(key): int(ms) for key, ms in run.account.get("last_seen", {}).items()}
            self._run_id, self._rev = run.id, run.rev

    @contextmanager
    def writing(self, now_ms: int) -> Iterator[None]:
        """One transaction that ends with the account; when it fails, the account is what was kept before."""
        try:
            with transaction(self.connection):
                self.refresh()
                if self._run_id == 0:
                    self._start(now_ms)
                yield
                account = {"portfolio": self.portfolio.dump(), "last_seen": self._streams_of(now_ms)}
                equity = self.portfolio.equity
                self._rev = keep_account(self.connection, self._run_id, account, equity, now_ms)
                self._write_events()
        except BaseException:
            # The account in memory is ahead of the one that is kept: it is read again before the next use.
            self._rev = -1
            raise
        finally:
            # The files tell of it even where the database could not keep it.
            self._log_files()

    def write_decision(
        self, signal: object, row: DecidedSignal, decision: str, rejected: Rejected | None, now_ms: int
    ) -> int:
        """The rows of one decided signal, inside `writing`; returns the id of the signal."""
        key = signal_key(signal)
        refusal = None if rejected is None else rejected.refusal
        row_id = add_decision(self.connection, self._run_id, row, refusal)
        self.write_responses(row_id, self._pending.pop(key, ()), now_ms)
        text = write_record(signal if isinstance(signal, Mapping) else {"not_a_signal": signal})
        told = find_told(self.connection, key, text, decided=False)
        if told is not None:
            mark_decided(self.connection, told, decision)
        else:
            strategy = clean_text(row.strategy)
            record = ContextRecord("signal", key, row.ts_ms, text, strategy, decision)
            add_context_record(self.connection, record)
        if rejected is not None:
            self._write_rejection(key, row.strategy, rejected, now_ms)
        return row_id

    def write_responses(self, row_id: int, responses: Sequence[Response], now_ms: int) -> None:
        """The answers about a signal that has a row, inside `writing`."""
        add_agent_responses(
            self.connection,
            (
                AgentResponseRow(row_id, self._run_id, now_ms, one.agent, one.answer, one.reason, one.micros)
                for one in responses
            ),
        )

    def write_pending(self, signal_id: str, row_id: int, now_ms: int) -> None:
        """The answers remembered of a signal that has a row, inside `writing`."""
        self.write_responses(row_id, self._pending.pop(clean_text(signal_id), ()), now_ms)

    def write_withdrawal(self, signal_id: str, row_id: int, rejected: Rejected, now_ms: int) -> None:
        """Turns an accepted signal into a rejected one, inside `writing`."""
        told = {"signal_id": signal_id, "reason": rejected.told, "text": rejected.text}
        self.note("signal_rejected", {**told, **_numbers(rejected)}, severity="warning")
        self.write_pending(signal_id, row_id, now_ms)
        strategy = withdraw(self.connection, row_id, rejected.refusal, now_ms)
        if strategy is not None:
            mark_withdrawn(self.connection, clean_text(signal_id))
            self._write_rejection(clean_text(signal_id), strategy, rejected, now_ms)

    def write_profit(self, signal_id: str, net: float, price: float, now_ms: int) -> None:
        """The snapshot of a closed position, inside `writing`."""
        key = clean_text(signal_id)
        told = {"signal_id": key, "pnl": net, "price": price, "closed": True, "timestamp": now_ms / 1000}
        add_context_record(self.connection, ContextRecord("pnl", key, now_ms, write_record(told)))

    def reject(
        self, signal: object, row: DecidedSignal, rejected: Rejected, now_ms: int, *, invalid: bool = False
    ) -> None:
        """Keeps a signal that was refused, with its stage, code, limit and value."""
        told = {"signal_id": signal_key(signal), "reason": rejected.told, "text": rejected.text}
        self.note("signal_rejected", {**told, **_numbers(rejected)}, severity="warning")
        with self.writing(now_ms):
            self.write_decision(signal, row, INVALID if invalid else "rejected", rejected, now_ms)

    def _write_rejection(self, key: str, strategy: str, rejected: Rejected, now_ms: int) -> None:
        told = {"text": rejected.text, **_numbers(rejected)}
        text, name = write_record(told), clean_text(strategy)
        add_context_record(
            self.connection, ContextRecord("rejection", key, now_ms, text, name, clean_text(rejected.told))
        )

    def _streams_of(self, now_ms: int) -> dict[str, int]:
        """When each strategy last spoke of each symbol, as far back as a signal is not stale for its age."""
        fresh_from = now_ms - self.portfolio.rules.stale_bars * self.bar_ms
        self.last_seen = {name: ms for name, ms in self.last_seen.items() if ms >= fresh_from}
        return self.last_seen

    def _start(self, now_ms: int) -> None:
        run = start_core_run(
            self.connection,
            start_equity=self.settings.simulation.start_equity,
            settings={"settings": asdict(self.settings)},
            code_version=__version__,
            now_ms=now_ms,
        )
        self._run_id, self._rev = run.id, run.rev

    def _write_what_is_left(self) -> None:
        try:
            with transaction(self.connection):
                self._write_events()
        finally:
            self._log_files()

    def _write_events(self) -> None:
        add_core_events(self.connection, self._events)

    def _log_files(self) -> None:
        events, self._events = self._events, []
        self.logger.write_files(events)


def signal_key(signal: object) -> str:
    """The id that the sender gave a signal, '' without one."""
    given = signal.get("signal_id") if isinstance(signal, Mapping) else None
    return "" if given is None else text_of(given, LONGEST_NAME)


def _numbers(rejected: Rejected) -> dict[str, Any]:
    return {
        "stage": str(rejected.reason.stage),
        "code": rejected.reason.code,
        "limit": rejected.limit,
        "actual": rejected.actual,
    }
