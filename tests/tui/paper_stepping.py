"""A paper run that a test steps bar by bar, so that the console is looked at between two of them.

The engine, its orders and its rows are those of the job; only the clock is the test's.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from cointrader.core.paper.orders import take_orders
from cointrader.core.paper.start import open_run
from cointrader.jobs.paper import close_run
from cointrader.settings import Settings
from storage import paper_runs
from storage.candles import Candles
from storage.database import transaction
from storage.paper_runs import PLAYBACK, PaperPlan
from storage.workspace import Workspace
from tests.cointrader.core.paper.trading import begin, store
from tests.cointrader.market import by_hand

PLAN = PaperPlan(source=PLAYBACK, speed=600.0, strategies=("momentum",))
ROUND = (100.0, 101.0, 99.0, 102.0, 103.0, 104.0, 101.0, 100.0)


SURE = Settings(limits=replace(Settings().limits, min_confidence=0.999))
"""Strategies are never so sure: their signals are rejected, and only orders by hand are carried out."""


def market(symbol: str = "BTC/USDT", times: float = 1.0, bars: int = 80) -> Candles:
    """Bars that close at `times` the prices of `ROUND`, over and over; each opens where the last closed."""
    closes = [times * ROUND[place % len(ROUND)] for place in range(bars)]
    opens = [times * 100.0, *closes]
    rows = [
        (before, max(before, close) + 0.5 * times, min(before, close) - 0.5 * times, close)
        for before, close in zip(opens, closes, strict=False)
    ]
    return by_hand(rows, symbol=symbol)


class SteppedRun:
    """One run; `bars` decides on that many moments, `orders` on what was ordered by hand."""

    def __init__(
        self,
        workspace: Workspace,
        connection: sqlite3.Connection,
        *series: Candles,
        plan: PaperPlan | None = None,
        settings: Settings | None = None,
    ) -> None:
        if series:
            store(workspace, connection, *series)
        chosen = plan or PLAN
        self.connection = connection
        self.run_id = begin(connection, chosen, settings or SURE)
        self.engine = open_run(workspace, connection, self.run_id)

    @property
    def row(self) -> paper_runs.PaperRunRow:
        """The run as it is kept."""
        return paper_runs.get_paper_run(self.connection, self.run_id)

    @property
    def states(self) -> list[tuple[str, str]]:
        """Each order by hand, oldest first: its state and its reason."""
        return self.connection.execute(
            "SELECT state, reason FROM order_request WHERE run_id = ? ORDER BY id", (self.run_id,)
        ).fetchall()

    def bars(self, count: int = 1) -> None:
        """The next moments."""
        for _ in range(count):
            assert self.engine.advance(limit=1).moments == 1

    def orders(self) -> None:
        """Decide on what was ordered by hand."""
        take_orders(self.engine)

    def end(self) -> None:
        """What the job does when the run is to stop."""
        with transaction(self.connection):
            self.engine.finish()
            close_run(self.connection, self.run_id)
