"""Plays a market to the decision kernel twice: whole, and one moment at a time. Both must agree exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cointrader.core import decide
from cointrader.core.book import SIGNAL, Market, open_book
from cointrader.core.decider import Bar, Decider
from cointrader.core.limits import Rules, rules_of
from cointrader.core.quiet import Marks
from cointrader.core.reasons import Reason
from cointrader.settings import Settings
from cointrader.trading.position import ExitReason, Records
from storage.candles import Candles

START_EQUITY = 10_000.0
FREE = rules_of(Settings())._replace(fee=0.0, slip=0.0, cooldown_ms=0)


@dataclass(frozen=True)
class Played:
    """What came of it; `verdicts` are ordered by signal."""

    trades: Records
    verdicts: Records
    equity: np.ndarray[Any, np.dtype[np.float64]]
    exposure: np.ndarray[Any, np.dtype[np.float64]]

    @property
    def exits(self) -> list[ExitReason]:
        """Why each trade was closed."""
        return [ExitReason(number) for number in self.trades["exit_reason"].tolist()]

    @property
    def reasons(self) -> list[Reason]:
        """The verdict of each signal."""
        return [Reason(number) for number in self.verdicts["reason"].tolist()]


def wish(candles: Candles, bar: int, side: int = 1, **columns: float) -> Records:
    """A signal at the close of a bar; without distances unless they are given."""
    signal = np.zeros(1, SIGNAL)
    for name in ("price", "spread_bps", "stop_distance", "target_distance", "trail_distance", "quantity"):
        signal[name] = np.nan
    signal["ts_ms"], signal["side"], signal["confidence"] = candles.close_ms[bar], side, 1.0
    signal["row"] = bar
    for name, value in columns.items():
        signal[name] = value
    return signal


def play(
    candles: Candles | Sequence[Candles],
    *wishes: Records,
    rules: Rules = FREE,
    exits: np.ndarray[Any, np.dtype[np.uint8]] | None = None,
    strategies: int = 2,
) -> Played:
    """Decide on `wishes` over `candles` in both ways; `exits` is (strategies, bars of all symbols)."""
    series = (candles,) if isinstance(candles, Candles) else tuple(candles)
    signals = np.concatenate([*wishes, np.empty(0, SIGNAL)])
    signals = signals[np.argsort(signals["ts_ms"], kind="stable")]
    bars = sum(len(item) for item in series)
    asked = np.zeros((strategies, bars), np.uint8) if exits is None else exits
    whole = _whole(series, signals, rules, asked)
    stepped = _stepped(series, signals, rules, asked)
    assert whole.trades.tobytes() == stepped.trades.tobytes()
    assert whole.verdicts.tobytes() == stepped.verdicts.tobytes()
    assert whole.equity.tobytes() == stepped.equity.tobytes()
    assert whole.exposure.tobytes() == stepped.exposure.tobytes()
    assert whole.verdicts["signal"].tolist() == list(range(signals.size)), "each signal has one verdict"
    return whole


def assets(series: Sequence[Candles]) -> list[str]:
    """The base currency of each symbol."""
    return [item.symbol.partition("/")[0] for item in series]


def _whole(series: Sequence[Candles], signals: Records, rules: Rules, exits: Any) -> Played:
    joined = {
        name: np.concatenate([item.columns[name] for item in series])
        for name in ("open", "high", "low", "close")
    }
    frames = [item.timeframe_ms for item in series]
    book = open_book(assets(series), frames, START_EQUITY, rules.max_per_symbol, signals.size)
    bars = joined["open"].size
    marks = Marks(np.empty(bars, np.int64), np.empty(bars), np.empty(bars))
    rows, next_row = np.empty((2, len(series)), np.int64)
    moments = decide.run(
        rules,
        book,
        Market(exits=exits, **joined),
        np.concatenate([item.close_ms for item in series]),
        np.concatenate(([0], np.cumsum([len(item) for item in series]))).astype(np.int64),
        signals,
        marks,
        next_row,
        rows,
    )
    account = book.account[0]
    verdicts = np.sort(book.verdicts[: account["verdicts"]], order="signal")
    return Played(
        book.trades[: account["trades"]], verdicts, marks.equity[:moments], marks.exposure[:moments]
    )


def _stepped(series: Sequence[Candles], signals: Records, rules: Rules, exits: Any) -> Played:
    decider = Decider(
        rules,
        assets=assets(series),
        timeframes_ms=[item.timeframe_ms for item in series],
        start_equity=START_EQUITY,
        strategies=exits.shape[0],
    )
    first = np.concatenate(([0], np.cumsum([len(item) for item in series])))
    at = [{moment: row for row, moment in enumerate(item.close_ms.tolist())} for item in series]
    columns = [[item.columns[name].tolist() for name in ("open", "high", "low", "close")] for item in series]
    outcomes = []
    taken = 0
    for now in sorted(set().union(*at)):
        rows = {number: known[now] for number, known in enumerate(at) if now in known}
        bars = {number: Bar(*(column[row] for column in columns[number])) for number, row in rows.items()}
        asked = np.zeros((exits.shape[0], len(series)), np.uint8)
        for number, row in rows.items():
            asked[:, number] = exits[:, first[number] + row]
        stop = int(np.searchsorted(signals["ts_ms"], now, side="right"))
        outcomes.append(decider.step(now, bars, signals[taken:stop], asked))
        taken = stop
    last = decider.finish()
    marks = [(item.equity, item.exposure) for item in outcomes[:-1]] + [(last.equity, last.exposure)]
    outcomes.append(last)
    return Played(
        np.concatenate([item.trades for item in outcomes]),
        np.sort(np.concatenate([item.verdicts for item in outcomes]), order="signal"),
        np.array([equity for equity, _ in marks]),
        np.array([exposure for _, exposure in marks]),
    )
