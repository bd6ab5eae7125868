"""One paper run at work: stored series in, decisions and their rows out, a transaction at a time.

A transaction holds whole moments, each with its signals, rejections, opened positions and their links, fills,
closes, rewards and equity, and the book as it is after the last of them. So a run that is killed goes on
where its book stands and has lost nothing and done nothing twice. An error leaves the engine ahead of its
rows: it must be thrown away and read again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cointrader.core.decider import Bar, Decider, Outcome
from cointrader.core.paper.labels import PendingLabels
from cointrader.core.paper.ledger import Ledger
from cointrader.core.paper.moments import Moments, Patience, next_closes, ready_moments
from cointrader.core.paper.screen import Screen, Screened, Standing, one_turn, screened, unscreened
from cointrader.core.paper.series import StoredSeries
from cointrader.core.paper.wishes import Wishes
from cointrader.trading.position import ExitReason, Phase, Records
from storage import paper_runs
from storage.candles import Candles
from storage.database import joined_transaction
from storage.events import record_event
from storage.order_requests import refuse_waiting
from storage.paper_runs import PLAYBACK, PaperRunRow

MOST_MOMENTS = 256
"""Moments of one transaction, where so many are ready."""

Fence = Callable[[], None]
"""Raises where somebody else goes on with the run; called inside every transaction."""


def unfenced() -> None:
    """Nobody else can go on with this run."""


@dataclass(frozen=True)
class Decided:
    """What one call of `advance` came to."""

    moments: int
    now_ms: int
    equity: float


class PaperEngine:
    """A run that goes on; `advance` decides on what is ready."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        run: PaperRunRow,
        series: StoredSeries,
        wishes: Wishes,
        decider: Decider,
        ledger: Ledger,
        labels: PendingLabels,
        *,
        stale_bars: int,
        fence: Fence = unfenced,
        patience: Patience | None = None,
        screen: Screen | None = None,
    ) -> None:
        self.connection, self.run_id, self.source, self.speed = connection, run.run_id, run.source, run.speed
        self.series, self.decider, self.ledger = series, decider, ledger
        self.stale_bars, self._labels = stale_bars, labels
        self._wishes, self._fence, self._screen = wishes, fence, screen
        self.patience = patience or Patience(stale_bars * max(series.timeframes_ms) / 1e3)
        self._until_ms = dict(run.until_ms)
        self._equity = 0.0

    @property
    def now_ms(self) -> int:
        """The last moment that was decided on, or after which the run began."""
        return self.decider.now

    def look(self) -> bool:
        """Read the series that have grown; True where there are any.

        Bars that close at or before the last moment are history from now on: they came too late, and an
        event says so. Raises BadBar, CandlesMissing and CandlesDamaged.
        """
        grown = self.series.look(self.now_ms)
        for item in grown:
            self._wishes.update(item.symbol, item.series)
            self.patience.heard(item.symbol)
        late = {self.series.symbols[item.symbol]: item.late for item in grown if item.late > 0}
        if late:
            with joined_transaction(self.connection):
                for symbol, count in late.items():
                    text = f"{count} bars came after their moment had been decided; they are history now"
                    record_event(self.connection, "paper", text, severity="warning", subject=symbol)
        return bool(grown)

    def ready(self, *, until_ms: int | None = None, limit: int = MOST_MOMENTS) -> Moments:
        """The moments that can be decided on, up to a time."""
        found = self._ready(limit)
        if not len(found) and self._have_waited():
            found = self._ready(limit)
        if until_ms is None:
            return found
        return found.head(int(np.searchsorted(found.close_ms, until_ms, side="right")))

    def advance(self, *, until_ms: int | None = None, limit: int = MOST_MOMENTS) -> Decided:
        """Decide on what is ready, in one transaction.

        Raises BadBar and ClockBackwards for what cannot be decided on; nothing of it is kept then.
        """
        moments = self.ready(until_ms=until_ms, limit=limit)
        if len(moments):
            moments, asked = self._asked(moments)
            stops = np.searchsorted(asked.signals["ts_ms"], moments.close_ms, side="right").tolist()
            with joined_transaction(self.connection):
                self._fence()
                first = 0
                for place, stop in enumerate(stops):
                    self._moment(int(moments.close_ms[place]), moments.rows[place], asked.part(first, stop))
                    first = stop
                self._keep()
        return Decided(len(moments), self.now_ms, self._equity)

    def finish(self) -> None:
        """The end of the run: positions close at the last close, orders are never filled.

        Joins the caller's transaction, so that what else ends with the run ends together with it.
        """
        with joined_transaction(self.connection):
            self._fence()
            outcome = self.decider.finish()
            self.keep_outcome(outcome)
            if any(self._until_ms.values()):
                self.ledger.point(self.now_ms, outcome, 0)
            self._keep()
            refuse_waiting(self.connection, self.run_id, f"paper run {self.run_id} was stopped")
            paper_runs.mark_stopped(self.connection, self.run_id)

    def decide_by_hand(self, signal: Records, price: float) -> tuple[int, Outcome]:
        """Decide on one SIGNAL record that comes between two moments; returns the row of its signal.

        Call it inside a transaction.
        """
        self._fence()
        number = self.decider.signals
        outcome = self.decider.take(signal)
        (row,) = self.ledger.wishes(signal, [number], [price], self._known)
        self.keep_outcome(outcome)
        self._keep()
        return row, outcome

    def leave(self, signals: set[int]) -> Outcome:
        """Order the exit of what these signals became; call it inside a transaction."""
        self._fence()
        outcome = self.decider.leave(signals)
        self.keep_outcome(outcome)
        self._keep()
        return outcome

    def keep_outcome(self, outcome: Outcome) -> None:
        """Write what the kernel put out."""
        self._equity = outcome.equity
        self.ledger.outcome(outcome, self.decider.slots, self._known)

    @property
    def manual_strategy(self) -> int:
        """The number that orders by hand have among the strategies."""
        return self._wishes.strategies

    @property
    def open_positions(self) -> dict[int, int]:
        """The signal's number by the row of each open position."""
        opened = {int(slot["signal"]) for slot in self.decider.slots if slot["phase"] == Phase.OPEN}
        return {row: number for number, row in self.ledger.positions.items() if number in opened}

    def _ready(self, limit: int) -> Moments:
        return ready_moments(
            self.series.closes,
            self.series.timeframes_ms,
            self.now_ms,
            silent=self.patience.silent,
            is_whole=self.source == PLAYBACK,
            limit=limit,
        )

    def _have_waited(self) -> bool:
        """Whether bars have waited long enough for symbols that say nothing."""
        closes = self.series.closes
        coming = [int(times[-1]) for times in closes if times.size and times[-1] > self.now_ms]
        if not coming:
            return False
        nexts = next_closes(closes, self.series.timeframes_ms)
        late = [number for number, moment in enumerate(nexts) if moment <= max(coming)]
        return self.patience.wait_for([number for number in late if number not in self.patience.silent])

    def _asked(self, moments: Moments) -> tuple[Moments, Screened]:
        """The moments of one turn, with what was said of their signals."""
        signals = self._wishes.signals(moments)
        if self._screen is None or not signals.size:
            return moments, unscreened(signals)
        turn = one_turn(moments, signals)
        now = int(turn.close_ms[0])
        signals = signals[signals["ts_ms"] == now]
        if not signals.size:
            return turn, unscreened(signals)
        rows = turn.rows[0]
        bars = {symbol: self._bar(symbol, row) for symbol, row in _present(rows)}
        equity, slots = self.decider.foresee(now, bars, self._wishes.exits(rows))
        # What leaves at the next open is gone before a new order is filled.
        staying = slots[slots["exit_reason"] == ExitReason.NONE]
        standing = Standing(equity, float(staying["notional"].sum()))
        return turn, screened(signals, self._screen, self._series, standing)

    def _moment(self, now: int, rows: Any, asked: Screened) -> None:
        passed = asked.passed
        signals = asked.signals[passed]
        known = dict(_present(rows))
        number = self.decider.signals
        bars = {symbol: self._bar(symbol, row) for symbol, row in known.items()}
        outcome = self.decider.step(now, bars, signals, self._wishes.exits(rows))
        if passed.size:
            prices = [self.decider.close_of(int(symbol)) for symbol in asked.signals["symbol"]]
            numbers = np.where(passed, number + np.cumsum(passed) - 1, -1).tolist()
            self.ledger.wishes(asked.signals, numbers, prices, self._known, asked.judged)
        self.keep_outcome(outcome)
        self.ledger.point(now, outcome, len(known))
        for symbol in known:
            self._until_ms[self.series.symbols[symbol]] = now

    def _bar(self, symbol: int, row: int) -> Bar:
        series = self._series(symbol)
        return Bar(
            float(series.open[row]),
            float(series.high[row]),
            float(series.low[row]),
            float(series.close[row]),
        )

    def _series(self, symbol: int) -> Candles:
        series = self.series.series(symbol)
        if series is None:
            raise ValueError(f"symbol {symbol} has no bars yet")
        return series

    def _known(self, symbol: int) -> Candles:
        """The bars of a symbol up to now: those of a playback that are still to come are not seen."""
        series = self._series(symbol)
        return series.cut(0, int(np.searchsorted(series.close_ms, self.now_ms, side="right")))

    def _keep(self) -> None:
        self.ledger.settle(self.now_ms)
        self._labels.settle(self.now_ms, lambda name: self._known(self.series.symbols.index(name)))
        slots = self.decider.slots
        self.ledger.forget_all_but(slots)
        paper_runs.save_progress(
            self.connection,
            self.run_id,
            book=self.decider.pack(),
            names=self._names(),
            positions={str(number): row for number, row in self.ledger.positions.items()},
            until_ms=self._until_ms,
        )

    def _names(self) -> Mapping[str, Any]:
        return {
            "symbols": list(self.series.symbols),
            "timeframes_ms": list(self.series.timeframes_ms),
            "closes": [self.decider.close_of(number) for number in range(len(self.series.symbols))],
            "signals": {str(number): row for number, row in self.ledger.signals.items()},
        }


def _present(rows: Any) -> list[tuple[int, int]]:
    """(symbol, bar) of the symbols that have a bar at a moment."""
    return [(number, int(row)) for number, row in enumerate(rows.tolist()) if row >= 0]
