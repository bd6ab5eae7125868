"""What the console asks of paper runs: begin, pause, go on, stop, and orders by hand.

All of it is rows: the job of the run notices them and decides. What storage refuses is said beside the work
and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import sqlite3

    from storage.paper_runs import PaperPlan, PaperRunRow
    from tui.screens.base import ConsoleScreen

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Refused:
    text: str


def start_run(screen: ConsoleScreen, plan: PaperPlan) -> None:
    """Queue a new run, see to it that a worker is there, and say which job it is."""
    workspace = screen.console.workspace

    def ask(connection: sqlite3.Connection) -> int:
        from storage.paper_runs import ask_start
        from tui import launch

        job_id = ask_start(connection, plan)
        launch.ensure_worker(workspace)
        return job_id

    def told(job_id: int) -> None:
        screen.notify(f"Queued as job {job_id}.", title=plan.title, markup=False)

    _ask(screen, ask, told, doing=f"starting: {plan.title}", title="Not started")


def pause_run(screen: ConsoleScreen, run_id: int) -> None:
    """Let a run rest with its positions."""

    def ask(connection: sqlite3.Connection) -> PaperRunRow:
        from storage.paper_runs import pause

        return pause(connection, run_id)

    def told(row: PaperRunRow) -> None:
        screen.notify("It reads no bars and keeps its positions.", title=f"Run {row.run_id} is {row.state}")

    _ask(screen, ask, told, doing=f"pausing paper run {run_id}", title="Not paused")


def resume_run(screen: ConsoleScreen, run_id: int) -> None:
    """Let a run go on, through the bars that came meanwhile."""
    workspace = screen.console.workspace

    def ask(connection: sqlite3.Connection) -> PaperRunRow:
        from storage.paper_runs import resume
        from tui import launch

        row = resume(connection, run_id)
        launch.ensure_worker(workspace)
        return row

    def told(row: PaperRunRow) -> None:
        played = row.source == "playback"
        how = "where it rested" if played else "through the bars that came meanwhile"
        screen.notify(f"It goes on {how}.", title=f"Run {row.run_id} goes on")

    _ask(screen, ask, told, doing=f"resuming paper run {run_id}", title="Not resumed")


def stop_run(screen: ConsoleScreen, run_id: int) -> None:
    """End a run; its job closes what is open."""
    workspace = screen.console.workspace

    def ask(connection: sqlite3.Connection) -> PaperRunRow:
        from storage.paper_runs import stop
        from tui import launch

        row = stop(connection, run_id)
        launch.ensure_worker(workspace)
        return row

    def told(row: PaperRunRow) -> None:
        screen.notify("Its positions are being closed.", title=f"Run {row.run_id} is {row.state}")

    _ask(screen, ask, told, doing=f"stopping paper run {run_id}", title="Not stopped")


def order(
    screen: ConsoleScreen,
    ask: Callable[[sqlite3.Connection], int],
    *,
    doing: str,
    run: PaperRunRow | None = None,
) -> None:
    """Give an order by hand; `ask` returns its number. What becomes of it is told when the run decides."""

    def told(order_id: int) -> None:
        if run is not None and run.state == "paused":
            screen.notify(
                f"Run {run.run_id} is paused: it decides once it goes on.", title=f"Order {order_id} waits"
            )
        screen.console.orders.follow(order_id)

    _ask(screen, ask, told, doing=doing, title="No order was given")


def _ask(
    screen: ConsoleScreen,
    change: Callable[[sqlite3.Connection], Answer],
    told: Callable[[Answer], None],
    *,
    doing: str,
    title: str,
) -> None:
    def work(connection: sqlite3.Connection) -> Answer | _Refused:
        from storage.order_requests import OrderRefused
        from storage.paper_runs import NoPaperRun, PaperRunEnded

        try:
            return change(connection)
        except (OrderRefused, NoPaperRun, PaperRunEnded) as error:
            return _Refused(str(error))

    def then(answer: Answer | _Refused) -> None:
        if isinstance(answer, _Refused):
            screen.notify(answer.text, title=title, severity="error", timeout=10, markup=False)
        else:
            told(answer)

    screen.change_database(work, then, doing=doing)
