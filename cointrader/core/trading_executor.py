"""Orders of programs on a paper run, behind a guard: nothing is opened at a price that is none.

The run decides with its own limits, in whatever process it is going on; here an order is checked, asked for,
and its answer awaited. An order that nobody decides on in time is taken back.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cointrader.core.close_hook import CloseHook
from cointrader.core.price_guard import Freshness, InvalidPrice, check_price
from cointrader.core.reasons import Reason, reason_text
from cointrader.training.integrating.components import FinishedTrade
from storage import order_requests, paper_runs
from storage.database import transaction
from storage.order_requests import DONE, LONG, REFUSED, SHORT, OrderRefused, OrderRow
from storage.paper_runs import NoPaperRun, PaperRunEnded, PaperRunRow
from storage.runs import get_run

if TYPE_CHECKING:
    from cointrader.core.orchestrator import Orchestrator

logger = logging.getLogger(__name__)

SIDES = {"buy": LONG, "long": LONG, "sell": SHORT, "short": SHORT}
WAIT_SECONDS = 30.0
LOOK_SECONDS = 0.05


class TradingExecutor(CloseHook):
    """Opens and closes positions of one paper run, and lets closes be learned from."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        run_id: int | None = None,
        *,
        decide: Callable[[], object] | None = None,
        wait_seconds: float = WAIT_SECONDS,
        orchestrator: Orchestrator | None = None,
    ) -> None:
        """`run_id` None is the only run that goes on; `decide` makes a run of this process decide now.

        `orchestrator` is who teaches when a position was closed. Raises NoPaperRun and PaperRunEnded.
        """
        super().__init__(connection, orchestrator)
        self._run_id = paper_runs.active_run(connection, run_id).run_id
        self._decide, self._wait_seconds = decide, wait_seconds

    @property
    def run_id(self) -> int:
        """The run that is traded on."""
        return self._run_id

    @property
    def balance(self) -> float:
        """Equity of the run at its last close."""
        run = get_run(self._connection, self._run_id)
        return 0.0 if run is None else run.end_equity

    def execute_signal(
        self,
        symbol: str,
        action: str,
        confidence: float,
        current_price: float,
        *,
        price_ms: int | None = None,
        notional: float | None = None,
    ) -> bool:
        """Buy or sell at the next open; True once the run has accepted the order.

        `price_ms` is when `current_price` was seen, None for now. False, with the reason in the log, for a
        price that is 0, negative, NaN, infinite or stale, for HOLD, and for what the run refuses.
        """
        try:
            run = paper_runs.active_run(self._connection, self._run_id)
            check_price(symbol, current_price, self._freshness(run, symbol, price_ms))
        except (InvalidPrice, NoPaperRun, PaperRunEnded) as error:
            logger.error("%s", error)
            return False
        side = SIDES.get(action.strip().lower())
        if side is None:
            logger.info("%s of %s opens nothing", action, symbol)
            return False
        least = self._limit("min_confidence")
        if not confidence >= least:
            logger.warning("%s: %s", symbol, reason_text(Reason.LOW_CONFIDENCE, least, confidence))
            return False
        quantity = None if notional is None else notional / current_price
        return self._carried_out(
            lambda: order_requests.ask_open(
                self._connection, symbol, side, quantity=quantity, run_id=self._run_id
            )
        )

    def close_position(self, position_id: int) -> bool:
        """Close a position at the next open; True once its exit is ordered."""
        return self._carried_out(lambda: order_requests.ask_close(self._connection, position_id))

    def close_all(self) -> bool:
        """Close everything at the next open, and withdraw what is only ordered."""
        return self._carried_out(lambda: order_requests.ask_close_all(self._connection, self._run_id))

    def closed_trades(self, after_ms: int) -> list[FinishedTrade]:
        """The trades of the run that were closed later than `after_ms`, oldest first."""
        rows = self._connection.execute(
            "SELECT p.symbol, p.side, s.ts_ms, p.opened_ms, p.closed_ms, p.pnl, p.notional, "
            "p.equity_at_entry FROM position AS p JOIN signal_position AS l ON l.position_id = p.id "
            "JOIN signal AS s ON s.id = l.signal_id "
            "WHERE p.run_id = ? AND p.state = 'closed' AND p.closed_ms > ? ORDER BY p.closed_ms, p.id",
            (self._run_id, after_ms),
        ).fetchall()
        return [FinishedTrade(*row) for row in rows]

    def _freshness(self, run: PaperRunRow, symbol: str, price_ms: int | None) -> Freshness | None:
        """How old a price is against the run's own clock; None where nothing is known of its time."""
        if price_ms is None or symbol not in run.symbols:
            return None
        bar_ms = int(run.names["timeframes_ms"][run.symbols.index(symbol)])
        age_ms = max(run.until_ms.values(), default=0) - price_ms
        return Freshness(max(age_ms, 0) / bar_ms, self._limit("stale_bars"))

    def _limit(self, name: str) -> float:
        run = get_run(self._connection, self._run_id)
        return 0.0 if run is None else float(run.settings["settings"]["limits"][name])

    def _carried_out(self, ask: Callable[[], int]) -> bool:
        try:
            order = self._answered(ask())
        except (OrderRefused, NoPaperRun, PaperRunEnded) as error:
            logger.warning("%s", error)
            return False
        if order.state != DONE:
            logger.warning("order %d refused: %s", order.id, order.reason)
        return order.state == DONE

    def _answered(self, order_id: int) -> OrderRow:
        """The order once it is decided; it is taken back when nobody decides."""
        deadline = time.monotonic() + self._wait_seconds
        while True:
            if self._decide is not None:
                self._decide()
            order = order_requests.get_order(self._connection, order_id)
            if order.state != order_requests.WAITING:
                return order
            if time.monotonic() >= deadline:
                with transaction(self._connection):
                    reason = f"nobody decided on it within {self._wait_seconds:g} s; is the run paused?"
                    order_requests.settle_order(self._connection, order_id, REFUSED, reason)
                return order_requests.get_order(self._connection, order_id)
            time.sleep(LOOK_SECONDS)
