"""Paper runs: asked for by a job, paused, resumed and stopped by their row, gone on with from their book.

Whoever operates a run (a command, the console) only changes `state` here; the job of the run notices. The
job is the only one that writes the book, together with all that a moment brought, in one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from storage import jobs as queue
from storage.clock import now_ms
from storage.database import joined_transaction
from storage.errors import StorageError
from storage.events import record_event
from storage.revision import next_rev

RUNNING, PAUSED, STOPPING, STOPPED = "running", "paused", "stopping", "stopped"
INBOX, PLAYBACK = "inbox", "playback"
KIND = "paper"
"""The kind of the job that keeps a run going."""

SLOT = "live"
"""A run sleeps most of the time: it must not keep imports and trainings from their places."""


TRADE_FIELDS = (
    *("entry_ms", "exit_ms", "quantity", "entry_price", "exit_price", "notional", "equity"),
    *("gross", "fees", "slippage", "net", "mae", "mfe"),
)
"""The columns of `closed_trades`, by the names that the kernel gives them."""


class NoPaperRun(StorageError):
    """There is no such run, or none that could be meant; the text says what there is."""


class PaperRunEnded(StorageError):
    """The run was stopped; it cannot go on."""


@dataclass(frozen=True)
class PaperPlan:
    """What a run is to trade, and from where.

    `source` is inbox (bars as they are imported) or playback (stored bars, `speed` times as fast as they
    came; 0: as fast as possible). No `symbols` are all that are stored, no `strategies` all that exist;
    `timeframe` such as 5m, None the one with most bars. `since` is start, now, or UTC milliseconds: bars
    that closed up to then are only history; None is now for an inbox and start for a playback.
    """

    source: str = INBOX
    speed: float = 0.0
    strategies: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    timeframe: str | None = None
    since: str | int | None = None
    params: Mapping[str, Mapping[str, Any]] | None = None

    @property
    def title(self) -> str:
        """What the job of the run is called."""
        what = ", ".join(self.symbols) or "every symbol"
        return f"Paper trading of {what} from {'the inbox' if self.source == INBOX else 'a playback'}"


@dataclass(frozen=True)
class PaperRunRow:
    """A run as it stands. `until_ms` is the close of the last bar that was consumed, by symbol."""

    run_id: int
    state: str
    source: str
    speed: float
    strategies: tuple[str, ...]
    symbols: tuple[str, ...]
    book: bytes
    names: dict[str, Any]
    positions: dict[str, int]
    until_ms: dict[str, int]
    error: str
    updated_ms: int
    rev: int


_COLUMNS = (
    "run_id, state, source, speed, strategies, symbols, book, names_json, positions_json, until_ms_json, "
    "error, updated_ms, rev"
)


def ask_start(connection: sqlite3.Connection, plan: PaperPlan) -> int:
    """Queue a new run; returns the id of its job, which makes the run when it begins.

    Raises StorageError for a source or a speed that does not exist.
    """
    if plan.source not in (INBOX, PLAYBACK):
        raise StorageError(f"a paper run reads from {INBOX} or {PLAYBACK}, not from {plan.source!r}")
    if not 0.0 <= plan.speed < float("inf"):
        raise StorageError(f"the speed of a playback is 0 (as fast as possible) or more, not {plan.speed}")
    return queue.enqueue(connection, kind=KIND, title=plan.title, arguments=asdict(plan), slot=SLOT)


def plan_of(arguments: Mapping[str, Any]) -> PaperPlan:
    """The plan in the arguments of a job."""
    known = {name: arguments[name] for name in PaperPlan.__dataclass_fields__ if name in arguments}
    lists = {name: tuple(known.get(name, ())) for name in ("strategies", "symbols")}
    return PaperPlan(**{**known, **lists})


def insert_paper_run(connection: sqlite3.Connection, row: PaperRunRow, job_id: int, attempt: int) -> None:
    """Keep a new run and note it in the job that made it, which takes it up again after a crash.

    Call it inside a transaction. Raises StaleAttempt when the job is no longer this attempt's.
    """
    values = (
        *(row.run_id, row.state, row.source, row.speed, ",".join(row.strategies), ",".join(row.symbols)),
        *(row.book, json.dumps(row.names), json.dumps(row.positions), json.dumps(row.until_ms)),
        *(row.error, now_ms(), next_rev(connection)),
    )
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO paper_run ({_COLUMNS}) VALUES ({marks})", values)
    note_run(connection, job_id, row.run_id)
    queue.progress(connection, job_id, attempt, 0, 0, f"run {row.run_id} begins")


def note_run(connection: sqlite3.Connection, job_id: int, run_id: int) -> None:
    """Write the run into the arguments of its job."""
    connection.execute(
        "UPDATE job SET arguments_json = json_set(arguments_json, '$.run_id', ?) WHERE id = ?",
        (run_id, job_id),
    )


def save_progress(
    connection: sqlite3.Connection,
    run_id: int,
    *,
    book: bytes,
    names: Mapping[str, Any],
    positions: Mapping[str, int],
    until_ms: Mapping[str, int],
) -> None:
    """The book as it is after a moment; call it inside that moment's transaction."""
    connection.execute(
        "UPDATE paper_run SET book = ?, names_json = ?, positions_json = ?, until_ms_json = ?, "
        "updated_ms = ?, rev = ? WHERE run_id = ?",
        (
            *(book, json.dumps(dict(names)), json.dumps(dict(positions)), json.dumps(dict(until_ms))),
            *(now_ms(), next_rev(connection), run_id),
        ),
    )


def get_paper_run(connection: sqlite3.Connection, run_id: int) -> PaperRunRow:
    """The run of that number. Raises NoPaperRun."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM paper_run WHERE run_id = ?", (run_id,)).fetchall()
    if not rows:
        raise NoPaperRun(f"there is no paper run {run_id}; `cointrader paper status` lists those there are")
    return _row(rows[0])


def state_of(connection: sqlite3.Connection, run_id: int) -> str:
    """The state of a run: running, paused, stopping or stopped. Raises NoPaperRun."""
    rows = connection.execute("SELECT state FROM paper_run WHERE run_id = ?", (run_id,)).fetchall()
    return str(rows[0][0]) if rows else get_paper_run(connection, run_id).state


def list_paper_runs(connection: sqlite3.Connection, *, active: bool = False) -> list[PaperRunRow]:
    """The newest runs first; with `active` only those that are not stopped."""
    where = "WHERE state <> 'stopped'" if active else ""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM paper_run {where} ORDER BY run_id DESC").fetchall()
    return [_row(row) for row in rows]


def active_run(connection: sqlite3.Connection, run_id: int | None = None) -> PaperRunRow:
    """The run that is meant: the one of that number, or the only one that is not stopped.

    Raises NoPaperRun where there is none or several, and PaperRunEnded for one that was stopped.
    """
    if run_id is None:
        found = list_paper_runs(connection, active=True)
        if not found:
            raise NoPaperRun("no paper run is going on; `cointrader paper start` begins one")
        if len(found) > 1:
            several = ", ".join(str(row.run_id) for row in found)
            raise NoPaperRun(f"several paper runs are going on ({several}); name one with --run")
        return found[0]
    row = get_paper_run(connection, run_id)
    if row.state == STOPPED:
        raise PaperRunEnded(f"paper run {run_id} was stopped; `cointrader paper start` begins another")
    return row


def pause(connection: sqlite3.Connection, run_id: int | None = None) -> PaperRunRow:
    """Ask a run to rest: it reads no bars and keeps its positions. Raises as `active_run`."""
    return _change(connection, run_id, RUNNING, PAUSED, "paused")


def resume(connection: sqlite3.Connection, run_id: int | None = None) -> PaperRunRow:
    """Let a run go on, through the bars that came meanwhile; also one whose job has failed.

    Raises as `active_run`.
    """
    return _change(connection, run_id, PAUSED, RUNNING, "resumed")


def stop(connection: sqlite3.Connection, run_id: int | None = None) -> PaperRunRow:
    """Ask a run to end: its positions are closed at the last close. Raises as `active_run`."""
    with joined_transaction(connection):
        before = active_run(connection, run_id)
        return _change(connection, before.run_id, before.state, STOPPING, "is to stop")


def rest(connection: sqlite3.Connection, run_id: int, error: str = "") -> None:
    """A run whose job was cancelled or has failed waits to be resumed; `error` says why."""
    with joined_transaction(connection):
        connection.execute(
            "UPDATE paper_run SET state = 'paused', error = ?, updated_ms = ?, rev = ? "
            "WHERE run_id = ? AND state IN ('running', 'stopping')",
            (error, now_ms(), next_rev(connection), run_id),
        )


def mark_stopped(connection: sqlite3.Connection, run_id: int) -> None:
    """The run has ended; call it in the transaction that closes its positions."""
    connection.execute(
        "UPDATE paper_run SET state = 'stopped', error = '', updated_ms = ?, rev = ? WHERE run_id = ?",
        (now_ms(), next_rev(connection), run_id),
    )


def job_of(connection: sqlite3.Connection, run_id: int) -> queue.JobRow | None:
    """The job that keeps a run going now; None when nobody does."""
    unfinished = queue.list_jobs(connection, states=[queue.RUNNING, *queue.CLAIMABLE], kind=KIND)
    return next((job for job in unfinished if job.arguments.get("run_id") == run_id), None)


def job_at_work(connection: sqlite3.Connection, run_id: int, *, but: int) -> int | None:
    """The job, other than `but`, that has the run in its hands: it runs and has said a word of it."""
    rows = connection.execute(
        "SELECT id FROM job WHERE kind = ? AND state = ? AND id <> ? AND message <> '' "
        "AND json_extract(arguments_json, '$.run_id') = ?",
        (KIND, queue.RUNNING, but, run_id),
    ).fetchall()
    return int(rows[0][0]) if rows else None


def closed_trades(connection: sqlite3.Connection, run_id: int) -> list[tuple[Any, ...]]:
    """What is kept of each closed trade of a run, by the columns of `TRADE_FIELDS`, as they were closed."""
    return connection.execute(
        "SELECT p.opened_ms, p.closed_ms, p.qty, p.entry_price, p.exit_price, p.notional, p.equity_at_entry, "
        "p.gross, p.fees, p.slippage, p.pnl, p.mae, p.mfe FROM reward AS r "
        "JOIN position AS p ON p.id = r.position_id WHERE r.run_id = ? ORDER BY r.id",
        (run_id,),
    ).fetchall()


def equity_marks(connection: sqlite3.Connection, run_id: int) -> list[tuple[int, float, float]]:
    """(time, equity, exposure) at every moment of a run."""
    return connection.execute(
        "SELECT ts_ms, equity, exposure FROM equity_point WHERE run_id = ? ORDER BY ts_ms", (run_id,)
    ).fetchall()


def count_marks(connection: sqlite3.Connection, run_id: int) -> int:
    """How many moments a run has decided on."""
    query = "SELECT count(*) FROM equity_point WHERE run_id = ?"
    return int(connection.execute(query, (run_id,)).fetchone()[0])


def _change(
    connection: sqlite3.Connection, run_id: int | None, before: str, after: str, words: str
) -> PaperRunRow:
    """From one state to another, with a job that does what is to be done; other states stay as they are."""
    with joined_transaction(connection):
        row = active_run(connection, run_id)
        if row.state == before and before != after:
            connection.execute(
                "UPDATE paper_run SET state = ?, error = '', updated_ms = ?, rev = ? WHERE run_id = ?",
                (after, now_ms(), next_rev(connection), row.run_id),
            )
            record_event(connection, KIND, f"Paper run {row.run_id} {words}", subject=f"run {row.run_id}")
        row = get_paper_run(connection, row.run_id)
        if row.state != PAUSED and job_of(connection, row.run_id) is None:
            arguments = {"run_id": row.run_id}
            title = f"Paper trading, run {row.run_id}"
            queue.enqueue(connection, kind=KIND, title=title, arguments=arguments, slot=SLOT)
    return row


def _row(values: Sequence[Any]) -> PaperRunRow:
    row = list(values)
    for place in (4, 5):
        row[place] = tuple(name for name in row[place].split(",") if name)
    for place in (7, 8, 9):
        row[place] = json.loads(row[place])
    return PaperRunRow(*row)
