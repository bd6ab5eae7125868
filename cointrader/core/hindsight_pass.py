"""Hindsight of everything that can be judged now: rejected signals of all runs, from stored candles.

A signal is judged where its strategy, with the parameters of its run, says the same again on stored candles:
same bar, side, confidence and price. What was judged is kept at once and never judged again, so a pass that
is cut off has lost nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cointrader.core.decider import BadBar
from cointrader.core.hindsight import Fate, follow_signals
from cointrader.core.limits import Rules, rules_of
from cointrader.core.paper.series import refuse_impossible
from cointrader.settings import kept_settings
from cointrader.strategies import registry
from cointrader.strategies.base import SignalArrays
from cointrader.trading.position import ExitReason, Records
from models.parameters import ParameterError
from storage.candles import Candles, CandlesDamaged, CandlesMissing, list_candles, read_candles
from storage.clock import now_ms
from storage.database import transaction
from storage.hindsight import HindsightRow, Unjudged, UnjudgedGroup, add_hindsight, unjudged, unjudged_groups
from storage.runs import RunRow, get_run
from storage.workspace import Workspace

PAGE = 5_000
Progress = Callable[[float, float, str], None]


@dataclass
class Judged:
    """What a pass came to, in signals.

    `waiting` were followed to the end of their candles, `broken` to a missing bar, `unmatched` are not what
    their strategy says on the stored candles, `skipped` have no strategy, side or price to follow them by.
    """

    judged: int = 0
    waiting: int = 0
    broken: int = 0
    unmatched: int = 0
    skipped: int = 0
    troubles: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The counts in words."""
        counts = {
            "judged": self.judged,
            "wait for candles": self.waiting,
            "lead over a missing bar": self.broken,
            "not found again on the candles": self.unmatched,
            "without a strategy to follow": self.skipped,
        }
        told = ", ".join(f"{count:,} {words}" for words, count in counts.items() if count)
        return f"rejected signals: {told or 'nothing new'}"


@dataclass(frozen=True)
class _Rule:
    """A strategy as a run used it."""

    name: str
    params_text: str
    params: object
    stop_atr: float
    rules: Rules
    equity: float


class HindsightPass:
    """One pass over the rejected signals of a workspace."""

    def __init__(self, workspace: Workspace, connection: sqlite3.Connection) -> None:
        self._workspace, self._connection = workspace, connection
        self._symbol = ""
        self._series: list[Candles] = []
        self._found: dict[tuple[int, str, str, float], SignalArrays] = {}
        self._result = Judged()

    def run(self, progress: Progress | None = None) -> Judged:
        """Judge what can be judged, a page a transaction; `progress` may raise to cut it off."""
        groups = unjudged_groups(self._connection)
        total, done = sum(group.count for group in groups), 0
        for group in groups:
            rule = self._rule(group)
            if rule is None:
                self._result.skipped += group.count
                done += group.count
                continue
            self._load(group.symbol)
            for page in self._pages(group):
                self._judge(group, rule, page)
                done += len(page)
                if progress is not None:
                    progress(done, total, f"{group.strategy} on {group.symbol}, run {group.run_id}")
        return self._result

    def _rule(self, group: UnjudgedGroup) -> _Rule | None:
        """How the run would have traded the group; None where nobody can say."""
        run = get_run(self._connection, group.run_id)
        if run is None or group.kind == "core" or group.strategy not in registry.names():
            return None
        return _rule_of(run, group.strategy)

    def _load(self, symbol: str) -> None:
        """The series of a symbol, the one with most bars first; damaged ones are told and left out."""
        if symbol == self._symbol:
            return
        self._symbol, self._series = symbol, []
        self._found.clear()
        rows = [row for row in list_candles(self._connection) if row.symbol == symbol]
        for row in sorted(rows, key=lambda row: -row.bars):
            try:
                series = read_candles(self._workspace, symbol, row.timeframe_ms, connection=self._connection)
                refuse_impossible(series)
            except (BadBar, CandlesMissing, CandlesDamaged) as error:
                self._result.troubles.append(str(error))
                continue
            self._series.append(series)

    def _pages(self, group: UnjudgedGroup) -> Iterator[list[Unjudged]]:
        last = 0
        while page := unjudged(self._connection, group.run_id, group.symbol, group.strategy, last, PAGE):
            yield page
            last = page[-1].signal_id

    def _judge(self, group: UnjudgedGroup, rule: _Rule, page: Sequence[Unjudged]) -> None:
        """Follow the signals of a page on the first series that says them again."""
        rest = [item for item in page if item.side in ("long", "short") and item.price > 0.0]
        self._result.skipped += len(page) - len(rest)
        rows: list[HindsightRow] = []
        for number, series in enumerate(self._series):
            found = self._signals(number, series, rule)
            places = _places(series, found, rest)
            matched = [item for item, place in zip(rest, places, strict=True) if place >= 0]
            rest = [item for item, place in zip(rest, places, strict=True) if place < 0]
            fates, trades = follow_signals(series, found, places[places >= 0], rule.rules, rule.equity)
            self._result.waiting += int(np.count_nonzero(fates == Fate.WAITING))
            self._result.broken += int(np.count_nonzero(fates == Fate.BROKEN))
            rows += _rows(group, matched, trades)
        self._result.unmatched += len(rest)
        if rows:
            with transaction(self._connection):
                self._result.judged += add_hindsight(self._connection, rows)

    def _signals(self, number: int, series: Candles, rule: _Rule) -> SignalArrays:
        key = (number, rule.name, rule.params_text, rule.stop_atr)
        if key not in self._found:
            strategy = registry.load(rule.name)
            self._found[key] = strategy.signals(series, rule.params, stop_atr=rule.stop_atr)
        return self._found[key]


def judge_rejections(
    workspace: Workspace, connection: sqlite3.Connection, progress: Progress | None = None
) -> Judged:
    """One pass over the rejected signals of a workspace, see `HindsightPass.run`."""
    return HindsightPass(workspace, connection).run(progress)


def _rule_of(run: RunRow, strategy: str) -> _Rule | None:
    """A strategy with the settings and parameters that a run has kept; None where it kept none."""
    kept, params = run.settings.get("settings"), run.settings.get("params", {}).get(strategy)
    if kept is None or params is None:
        return None
    try:
        settings, built = kept_settings(kept), registry.build_params(strategy, params)
    except ParameterError:
        return None
    return _Rule(
        name=strategy,
        params_text=json.dumps(params, sort_keys=True),
        params=built,
        stop_atr=settings.simulation.stop_atr,
        rules=rules_of(settings),
        equity=run.start_equity,
    )


def _places(series: Candles, found: SignalArrays, wanted: Sequence[Unjudged]) -> NDArray[np.int64]:
    """Where each signal stands among those that were found, -1 where it does not."""
    if not wanted or not len(found):
        return np.full(len(wanted), -1, np.int64)
    at_ms = series.close_ms[found.index]
    times = np.array([item.ts_ms for item in wanted], np.int64)
    places = np.minimum(np.searchsorted(at_ms, times), at_ms.size - 1)
    same = (
        (at_ms[places] == times)
        & (found.side[places] == [1 if item.side == "long" else -1 for item in wanted])
        & (found.confidence[places] == [item.confidence for item in wanted])
        & (series.close[found.index[places]] == [item.price for item in wanted])
    )
    return np.where(same, places, -1).astype(np.int64)


def _rows(group: UnjudgedGroup, matched: Sequence[Unjudged], trades: Records) -> Iterator[HindsightRow]:
    moment = now_ms()
    for trade in trades:
        signal = matched[int(trade["signal"])]
        yield HindsightRow(
            signal_id=signal.signal_id,
            run_id=group.run_id,
            ts_ms=signal.ts_ms,
            symbol=group.symbol,
            strategy=group.strategy,
            code=signal.code,
            exit_reason=ExitReason(int(trade["exit_reason"])).label,
            entry_price=float(trade["entry_price"]),
            exit_price=float(trade["exit_price"]),
            hold_ms=int(trade["exit_ms"] - trade["entry_ms"]),
            net_return=float(trade["net"] / trade["notional"]),
            pnl=float(trade["net"]),
            computed_ms=moment,
        )
